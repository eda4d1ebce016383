import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createDecoder } from './part-decoder.ts';
import { createEncoder } from './part-encoder.ts';

const ENCODINGS = ['quoted-printable', 'base64'] as const;
type Encoding = (typeof ENCODINGS)[number];

function encoded(encoding: Encoding, octets: Uint8Array, step = octets.length): string {
  const encoder = createEncoder(encoding);
  let text = '';
  for (let at = 0; at < octets.length; at += step) {
    text += Buffer.from(encoder.encode(octets.subarray(at, at + step), false)).toString('latin1');
  }
  return text + Buffer.from(encoder.encode(new Uint8Array(0), true)).toString('latin1');
}

const decoded = (encoding: Encoding, text: string): string =>
  Buffer.from(createDecoder(encoding).decode(Buffer.from(text, 'latin1'), true)).toString('latin1');
const quoted = (text: string): string => encoded('quoted-printable', Buffer.from(text, 'latin1'));

/** Octets that matter, and any. */
const OCTETS = fc
  .array(
    fc.constantFrom('\r\n', '\r', '\n', ' ', '\t', '=', '-', '.', 'a', 'From ', '\xE4', '\0', 'x'.repeat(73)),
  )
  .map((parts) => Buffer.from(parts.join(''), 'latin1'));

describe.each(ENCODINGS)('%s', (encoding) => {
  it('is undone octet for octet, and is the same however it is fed', () => {
    fc.assert(
      fc.property(
        fc.oneof(OCTETS, fc.uint8Array({ maxLength: 400 })),
        fc.integer({ min: 1, max: 80 }),
        (octets, step) => {
          const text = encoded(encoding, octets);
          expect(decoded(encoding, text)).toBe(Buffer.from(octets).toString('latin1'));
          expect(encoded(encoding, octets, step)).toBe(text);
          for (const line of text.split('\r\n')) {
            expect(line).toMatch(/^[\t -~]{0,76}$/);
            expect(line).not.toMatch(/^--|[ \t]$/);
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('quoted-printable', () => {
  it('keeps lines, and encodes what is no line end', () => {
    expect(quoted('a\r\nb\nc\rd\r\n')).toBe('a\r\nb=0Ac=0Dd\r\n');
    expect(quoted('\r\r\n\n')).toBe('=0D\r\n=0A');
  });

  it('encodes white space at the end of a line and of all, and dashes at the start', () => {
    expect(quoted('a \t\r\n--b c-d ')).toBe('a =09\r\n=2D-b c-d=20');
  });

  it('breaks long lines', () => {
    expect(quoted(`${'a'.repeat(76)}\r\n${'b'.repeat(77)}\r\n`)).toBe(
      `${'a'.repeat(76)}\r\n${'b'.repeat(75)}=\r\nbb\r\n`,
    );
  });
});
