import { describe, expect, it } from 'vitest';
import { openSpool, spoolOf } from '../base/spool.ts';
import { indexMime } from './mime-index.ts';
import { createDecoder } from './part-decoder.ts';
import { PartReader } from './part-reader.ts';

/** Decodes in pieces of `step` octets. */
function decode(encoding: string, text: string, step = text.length || 1): string {
  const decoder = createDecoder(encoding);
  const input = Buffer.from(text, 'latin1');
  let result = '';
  for (let i = 0; i < input.length; i += step) {
    const piece = decoder.decode(input.subarray(i, i + step), i + step >= input.length);
    result += Buffer.from(piece).toString('latin1');
  }
  return result;
}

const base64Cases: [string, string][] = [
  ['', ''],
  ['QUJD', 'ABC'],
  ['QUI=', 'AB'],
  ['QQ==', 'A'],
  ['QUI', 'AB'],
  ['QQ', 'A'],
  ['Q', ''],
  ['====', ''],
  ['QU\r\n JD\0!*-_\xff', 'ABC'],
  ['QQ==QUJD', 'AABC'],
  ['QUI=\r\nQUJD', 'ABABC'],
  ['/+8=', '\xff\xef'],
];

const qpCases: [string, string][] = [
  ['plain\r\ntext', 'plain\r\ntext'],
  ['=41=42=3D', 'AB='],
  ['=c3=BC', '\xc3\xbc'],
  ['soft =\r\nbreak', 'soft break'],
  ['soft=\nbreak', 'softbreak'],
  ['soft= \t\r\nbreak', 'softbreak'],
  ['trail  \t\r\nnext \nx ', 'trail\r\nnext\nx'],
  ['in  side', 'in  side'],
  ['=ZZ =4 = x', '=ZZ =4 = x'],
  ['end=', 'end'],
  ['end= ', 'end'],
  ['end=4', 'end=4'],
  ['a=\r', 'a=\r'],
  ['a=\rb', 'a=\rb'],
  ['a \rb', 'a \rb'],
  ['=0D=0A=00', '\r\n\0'],
  ['==41', '=A'],
];

describe('createDecoder', () => {
  it.each(base64Cases)('decodes base64 %j', (text, expected) => {
    expect(decode('base64', text)).toBe(expected);
  });

  it.each(qpCases)('decodes quoted-printable %j', (text, expected) => {
    expect(decode('quoted-printable', text)).toBe(expected);
  });

  it('gives the same however the octets are split', () => {
    for (const [encoding, cases] of [
      ['base64', base64Cases],
      ['quoted-printable', qpCases],
    ] as const) {
      const text = cases.map(([input]) => input).join(encoding === 'base64' ? '=' : '\r\n');
      for (let step = 1; step < text.length; step++) {
        expect(decode(encoding, text, step)).toBe(decode(encoding, text));
      }
    }
  });

  it('decodes what node encodes', () => {
    const octets = Buffer.from(Array.from({ length: 10_000 }, (_, i) => (i * 7919) % 256));
    expect(decode('base64', octets.toString('base64'), 97)).toBe(octets.toString('latin1'));
  });

  it('does not hold back white space without end', () => {
    const decoder = createDecoder('quoted-printable');
    let given = 0;
    for (let i = 0; i < 1000; i++) given += decoder.decode(Buffer.alloc(1000, ' '), false).length;
    expect(given).toBeGreaterThan(990_000);
  });

  it.each(['7bit', '8bit', 'binary', 'x-unknown'])('passes %s as it is', (encoding) => {
    expect(decode(encoding, '=41 \0\xff\r\n', 2)).toBe('=41 \0\xff\r\n');
  });
});

describe('PartReader', () => {
  const octets = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) % 256));
  const lines = octets.toString('base64').replace(/.{76}/g, '$&\r\n');
  const message = `Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines}\r\n--b\r\n\r\nplain\r\n--b--\r\n`;
  const source = openSpool(spoolOf(Buffer.from(message, 'latin1')).handle);
  const { parts } = indexMime(source);

  it('reads front to back in pieces of any size', () => {
    for (const size of [1000, 32_768, 65_537, 300_000]) {
      const reader = new PartReader(source, parts[1]!);
      const pieces: Buffer[] = [];
      for (let offset = 0; ;) {
        const target = Buffer.alloc(size);
        const count = reader.readInto(target, offset);
        pieces.push(target.subarray(0, count));
        offset += count;
        if (count < size) break;
      }
      expect(Buffer.concat(pieces).equals(octets)).toBe(true);
    }
  });

  it('goes forward and back', () => {
    const reader = new PartReader(source, parts[1]!);
    for (const offset of [150_000, 10, 199_999, 100_000, 100_001, 99_999, 200_000, 0, 5_000_000]) {
      const target = Buffer.alloc(500);
      const count = reader.readInto(target, offset);
      expect(target.subarray(0, count).equals(octets.subarray(offset, offset + 500))).toBe(true);
    }
  });

  it('reads parts without an encoding in place, and a multipart whatever it says', () => {
    const target = Buffer.alloc(100);
    const plain = new PartReader(source, parts[2]!);
    expect(target.toString('latin1', 0, plain.readInto(target, 1))).toBe('lain');
    expect(plain.readInto(target, 5)).toBe(0);
    expect(plain.readInto(target, 6)).toBe(0);
    const whole = new PartReader(source, parts[0]!);
    expect(target.toString('latin1', 0, whole.readInto(target, 0))).toMatch(/^--b\r\nContent-Transfer/);
  });
});
