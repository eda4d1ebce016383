import assert from 'node:assert/strict';
import type { ByteSource } from '../../../src/base/bytes.ts';
import { BodyEncoder } from '../../../src/smtp/client-body.ts';
import { DataReader, type DataOptions } from '../../../src/smtp/server-data.ts';
import { chunkings, latin1, octetsOf } from '../octets.ts';
import type { Target } from '../target.ts';

const MAX_SIZE = 20_000;
const FRAMINGS = ['dots', 'chunks', 'binary'] as const;
const LINE_ENDINGS = ['refuse', 'repair'] as const;

interface Taken {
  readonly content: string;
  readonly fault: string | undefined;
  readonly ended: boolean;
  readonly consumed: number;
}

function take(chunks: readonly Buffer[], options: Omit<DataOptions, 'maxSize'>): Taken {
  const reader = new DataReader({ ...options, maxSize: MAX_SIZE });
  const pieces: Buffer[] = [];
  let consumed = 0;
  let ended = false;
  for (const chunk of chunks) {
    const step = reader.feed(chunk);
    if (step.content !== undefined) pieces.push(step.content);
    consumed += step.consumed;
    ({ ended } = step);
    if (ended) break;
  }
  if (options.framing !== 'dots') {
    const rest = reader.end();
    if (rest !== undefined) pieces.push(rest);
  }
  const { fault } = reader;
  return { content: fault === undefined ? latin1(Buffer.concat(pieces)) : '', fault, ended, consumed };
}

const hasBareEnd = (text: string): boolean => /\r(?!\n)|(?<!\r)\n/.test(text);

/** `smtp/server-data.ts` and `smtp/client-body.ts`: what comes after DATA and in BDAT, and what goes out. */
export const data: Target = {
  name: 'data',
  words: [
    '\r\n.\r\n',
    '\n.\n',
    '\r.\r',
    '\r\n.\r',
    '.\r\n',
    '\r\n..\r\n',
    '\r\n\0.\r\n',
    '\r\n\r\n',
    '\r\r\n',
    '\n\r',
  ],
  properties: {
    'the result does not depend on the chunks'(octets) {
      for (const framing of FRAMINGS) {
        for (const lineEndings of LINE_ENDINGS) {
          const [whole, ...others] = chunkings(octets).map((chunks) =>
            take(chunks, { framing, lineEndings }),
          );
          for (const other of others) assert.deepEqual(other, whole, `${framing} ${lineEndings}`);
        }
      }
    },
    'only CRLF dot CRLF ends a message, and what is before it is the content'(octets) {
      const text = `\r\n${latin1(octets)}`;
      const end = text.indexOf('\r\n.\r\n');
      const body = end === -1 ? undefined : text.slice(2, end + 2);
      for (const lineEndings of LINE_ENDINGS) {
        const { content, fault, ended, consumed } = take([octets], { framing: 'dots', lineEndings });
        assert.equal(ended, end !== -1);
        if (body === undefined) continue;
        assert.equal(consumed, end + 3);
        if (lineEndings === 'refuse' && fault === undefined) {
          assert.equal(content, body.replace(/(^|\r\n)\./g, '$1'));
        }
        const isBad = body.includes('\0') || (lineEndings === 'refuse' && hasBareEnd(body));
        assert.equal(fault !== undefined, isBad || (fault === 'size' && body.length > MAX_SIZE / 2));
      }
    },
    'what is taken as text is CRLF lines without NUL'(octets) {
      for (const framing of ['dots', 'chunks'] as const) {
        for (const lineEndings of LINE_ENDINGS) {
          const { content, fault, ended } = take([octets], { framing, lineEndings });
          if (fault !== undefined || (framing === 'dots' && !ended)) continue;
          assert.ok(!hasBareEnd(content) && !content.includes('\0'));
          assert.ok(content === '' || content.endsWith('\r\n'));
          assert.ok(content.length <= MAX_SIZE);
        }
      }
    },
    'in chunks good text stays as it is, and so does a binary body'(octets) {
      const text = latin1(octets);
      if (text.length > MAX_SIZE - 2) return;
      const isGood = !hasBareEnd(text) && !text.includes('\0');
      const chunks = take([octets], { framing: 'chunks', lineEndings: 'refuse' });
      assert.equal(chunks.fault === undefined, isGood);
      if (isGood) assert.equal(chunks.content, text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`);
      const empty = `\r\n${text}`.indexOf('\r\n\r\n');
      const head = empty === -1 ? text : text.slice(0, empty + 2);
      if (empty === -1 || hasBareEnd(head) || head.includes('\0')) return;
      assert.equal(take([octets], { framing: 'binary', lineEndings: 'refuse' }).content, text);
    },
    async 'what goes out comes in as the same, and as one message'(octets) {
      const { content, fault, ended } = take([octets], { framing: 'dots', lineEndings: 'repair' });
      // What did not come to its end can be anything: an encoder of its own must not send it.
      const message = octetsOf(fault === undefined && ended ? content : latin1(octets));
      const pieces: Buffer[] = [];
      const encoder = new BodyEncoder(unevenly(message));
      for (;;) {
        const piece = await encoder.next();
        if (piece === 'bare') {
          assert.ok(hasBareEnd(latin1(message)));
          return;
        }
        pieces.push(piece.octets);
        if (piece.last) break;
      }
      const wire = Buffer.concat(pieces);
      assert.ok(!hasBareEnd(latin1(message)));
      assert.equal(`\r\n${latin1(wire)}`.indexOf('\r\n.\r\n'), wire.length - 3);
      if (message.includes(0)) return;
      const back = take([wire], { framing: 'dots', lineEndings: 'refuse' });
      const text = latin1(message);
      if (back.fault === 'size') return;
      assert.equal(back.consumed, wire.length);
      assert.equal(back.content, text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`);
    },
  },
};

/** Gives fewer octets than asked for, as a source may at any time. */
function unevenly(octets: Buffer): ByteSource {
  return {
    size: octets.length,
    read: (offset, length) =>
      Promise.resolve(octets.subarray(offset, offset + Math.min(length, 1 + ((offset * 7) % 13)))),
  };
}
