import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../base/bytes.ts';
import { spoolOf } from '../base/spool.ts';
import { BodyEncoder } from './client-body.ts';

/** A source that gives at most `most` octets a read, so that chunks end anywhere. */
function inPieces(octets: Buffer, most: number): ByteSource {
  return {
    size: octets.length,
    read: async (offset, length) => octets.subarray(offset, offset + Math.min(length, most)),
  };
}

async function encode(source: ByteSource): Promise<string> {
  const encoder = new BodyEncoder(source);
  const pieces: Buffer[] = [];
  for (;;) {
    const piece = await encoder.next();
    if (piece === 'bare') return 'bare';
    pieces.push(Buffer.from(piece.octets));
    if (piece.last) return Buffer.concat(pieces).toString('latin1');
  }
}

/** What RFC 5321 section 4.5.2 says, said simply. */
function expected(text: string): string {
  const whole = text === '' || text.endsWith('\r\n') ? text : `${text}\r\n`;
  return `${whole.replace(/(^|\r\n)\./g, '$1..')}.\r\n`;
}

const TEXTS = [
  '',
  '.',
  '..',
  '\r\n',
  '.\r\n',
  '\r\n.\r\n',
  'a',
  'a\r\n',
  'Subject: x\r\n\r\n.hidden\r\n..two\r\nno. dot\r\n.',
  '.a\r\n.b\r\n.c\r\n\r\n.\r\n.\r\n',
  'a\r\n\r\n\r\n.',
  'é ü\r\n.ß\r\n',
];

describe('BodyEncoder', () => {
  it('doubles dots, ends with CRLF and the final dot, wherever the chunks end', async () => {
    for (const text of TEXTS) {
      const octets = Buffer.from(text);
      for (let most = 1; most <= octets.length + 1; most++) {
        expect(await encode(inPieces(octets, most))).toBe(expected(octets.toString('latin1')));
      }
    }
  });

  it.each([
    'a\nb\r\n',
    '\n',
    'a\n.\nb\r\n',
    'a\rb\r\n',
    'a\r',
    '\r\r\n',
    'a\r\n\n',
    'a\n\r',
    'a\r.\r\n',
    'a\r\n.\n',
  ])('refuses the bare line ending in %j, wherever the chunks end', async (text) => {
    const octets = Buffer.from(text);
    for (let most = 1; most <= octets.length; most++)
      expect(await encode(inPieces(octets, most))).toBe('bare');
  });

  it('gives a small message with its end in one piece', async () => {
    const piece = await new BodyEncoder(spoolOf(Buffer.from('Subject: x\r\n\r\nx'))).next();
    expect(piece).toMatchObject({ last: true });
  });

  it('leaves a large message as it is, in pieces, from a spool', async () => {
    const text = Array.from({ length: 9000 }, (_, line) => `line ${line} ${'x'.repeat(line % 90)}\r\n`).join(
      '',
    );
    expect(await encode(spoolOf(Buffer.from(text)))).toBe(`${text}.\r\n`);
  });

  it('copes with a message of dots only', async () => {
    const text = '.\r\n'.repeat(100_000);
    expect(await encode(spoolOf(Buffer.from(text)))).toBe(`${'..\r\n'.repeat(100_000)}.\r\n`);
  });

  it('rejects when the source ends before its size', async () => {
    const cut: ByteSource = { size: 10, read: async (offset) => Buffer.from('a\r\n').subarray(offset) };
    await expect(encode(cut)).rejects.toThrow('Cannot read the message: it ends at 3 of 10 octets');
  });
});
