import assert from 'node:assert/strict';
import { formatReply, reply } from '../../../src/mail/reply.ts';
import { ReplyParser, toReply } from '../../../src/smtp/reply-parser.ts';
import { chunkings, latin1 } from '../octets.ts';
import type { Target } from '../target.ts';

const CONTROL = /\p{Cc}/u;

function parse(chunks: readonly Buffer[]): unknown[] {
  const parser = new ReplyParser();
  const found: unknown[] = [];
  for (const chunk of chunks) {
    parser.push(chunk);
    for (let next = parser.next(); next !== undefined; next = parser.next()) {
      found.push(next);
      if ('nonsense' in next) {
        assert.ok(!CONTROL.test(next.nonsense) && next.nonsense.length < 100);
        return found;
      }
      const { code, lines } = next.reply;
      assert.ok(code >= 200 && code <= 599 && lines.length >= 1 && lines.length <= 100);
      const value = toReply(next.reply);
      assert.ok(value.lines.length <= 10 && !value.lines.some((line) => CONTROL.test(line)));
      if (value.enhanced !== undefined) assert.match(value.enhanced, /^[245]\.\d{1,3}\.\d{1,3}$/);
      const ours = reply(value.code, value.enhanced, ...value.lines);
      assert.ok(!CONTROL.test(formatReply(ours)));
      // The one that goes to our client is the same one.
      const again = new ReplyParser();
      again.push(Buffer.from(written(ours.code, ours.lines, ours.enhanced)));
      const read = again.next();
      if (ours.lines.every((line) => Buffer.byteLength(line) < 2000)) {
        assert.ok(read !== undefined && 'reply' in read && again.empty);
        assert.deepEqual(toReply(read.reply), value);
      }
    }
  }
  return found;
}

/** As servers write them: the enhanced code on every line (RFC 2034 section 4). */
function written(code: number, lines: readonly string[], enhanced: string | undefined): string {
  const prefix = enhanced === undefined ? '' : `${enhanced} `;
  return lines
    .map((line, index) => `${code}${index === lines.length - 1 ? ' ' : '-'}${prefix}${line}\r\n`)
    .join('');
}

/** `smtp/reply-parser.ts`: what a downstream says. */
export const replies: Target = {
  name: 'replies',
  words: ['250 ', '250-', '421 4.4.2 ', '5.1.1 ', '\r\n', '\r', '999', '250\r\n', '\x85', 'é'],
  properties: {
    'replies are the same whatever the chunks, printable, and parse to the same when they are said again'(
      octets,
    ) {
      const [whole, ...others] = chunkings(octets).map(parse);
      for (const other of others) assert.deepEqual(other, whole);
    },
    'a bare CR ends no line'(octets) {
      const joined = Buffer.from(latin1(octets).replaceAll('\n', ''), 'latin1');
      const found = parse([joined]) as object[];
      assert.ok(found.length === 0 || 'nonsense' in found[0]!);
    },
  },
};
