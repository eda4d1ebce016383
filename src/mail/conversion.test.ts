import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openSpool, spoolOf, type SyncByteSource } from '../base/spool.ts';
import { convertedOctets } from './conversion-octets.ts';
import { planConversion, type LineOctets } from './conversion.ts';
import { isProblem } from './image.ts';
import { indexMime } from './mime-index.ts';
import { PartReader } from './part-reader.ts';

const sourceOf = (text: string): SyncByteSource => openSpool(spoolOf(Buffer.from(text, 'latin1')).handle);

/** Latin-1 in and out; a problem as `! why`. */
function convert(text: string, needs: LineOctets): string {
  const source = sourceOf(text);
  const edits = planConversion(source, needs);
  if (isProblem(edits)) return `! ${edits.problem}`;
  return Array.from(convertedOctets(source, edits), (octets) => Buffer.from(octets).toString('latin1')).join(
    '',
  );
}

const lines = (...all: string[]): string => all.map((line) => `${line}\r\n`).join('');
/** A message with these fields and body. */
const mail = (fields: readonly string[], body: string): string => `${lines(...fields)}\r\n${body}`;
const VERSION = 'MIME-Version: 1.0';
const UTF8 = 'gr\u00c3\u00bc\u00c3\u009fe';

describe('a message of one part', () => {
  it('in 8-bit text becomes quoted-printable where 8 bits are not taken, and stays where they are', () => {
    const text = mail(
      [VERSION, 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit', 'Subject: x'],
      lines(UTF8, '.', 'a = b '),
    );
    expect(convert(text, '8bit')).toBe(text);
    expect(convert(text, '7bit')).toBe(
      mail(
        [
          VERSION,
          'Content-Type: text/plain; charset=utf-8',
          'Content-Transfer-Encoding: quoted-printable',
          'Subject: x',
        ],
        lines('gr=C3=BC=C3=9Fe', '.', 'a =3D b=20'),
      ),
    );
  });

  it('of any octets becomes base64', () => {
    const text = mail(
      [VERSION, 'content-type: image/x', 'CONTENT-TRANSFER-ENCODING:\tBinary'],
      '\0\r\n.\r\n\n\xFF',
    );
    for (const needs of ['7bit', '8bit'] as const) {
      expect(convert(text, needs)).toBe(
        mail([VERSION, 'content-type: image/x', 'Content-Transfer-Encoding: base64'], 'AA0KLg0KCv8='),
      );
    }
  });

  it('that says it is binary and is not, says then what it is', () => {
    const fields = (encoding: string): string[] => [VERSION, `Content-Transfer-Encoding: ${encoding}`];
    expect(convert(mail(fields('binary'), lines('x')), '8bit')).toBe(mail(fields('7bit'), lines('x')));
    expect(convert(mail(fields('binary'), lines(UTF8)), '8bit')).toBe(mail(fields('8bit'), lines(UTF8)));
    expect(convert(mail(fields('8bit'), lines('x')), '7bit')).toBe(mail(fields('7bit'), lines('x')));
  });

  it('without MIME fields gets those that it needs (RFC 1428 section 3)', () => {
    expect(convert(mail(['Subject: x'], lines('\xE4')), '7bit')).toBe(
      mail(
        [
          'Subject: x',
          VERSION,
          'Content-Type: text/plain; charset=unknown-8bit',
          'Content-Transfer-Encoding: quoted-printable',
        ],
        lines('=E4'),
      ),
    );
  });

  it('with lines over 998 octets is encoded for either', () => {
    const body = lines('x'.repeat(999));
    for (const needs of ['7bit', '8bit'] as const) {
      const converted = convert(mail([VERSION, 'Content-Type: text/plain'], body), needs);
      expect(converted).toContain('Content-Transfer-Encoding: quoted-printable\r\n\r\nxxx');
      expect(Math.max(...converted.split('\r\n').map(({ length }) => length))).toBe(76);
    }
    const fits = mail([VERSION, 'Content-Type: text/plain'], lines('x'.repeat(998)));
    expect(convert(fits, '7bit')).toBe(fits);
  });

  it('that is encoded already is encoded anew where that is no longer so', () => {
    const fields = [VERSION, 'Content-Type: image/x', 'Content-Transfer-Encoding: base64'];
    const octets = Buffer.alloc(1000, 'abc').toString('base64');
    expect(convert(mail(fields, lines(octets)), '8bit')).toBe(
      mail(fields, octets.replaceAll(/.{76}(?=.)/g, '$&\r\n')),
    );
    const quoted = [VERSION, 'Content-Type: text/x', 'Content-Transfer-Encoding: quoted-printable'];
    expect(convert(mail(quoted, lines('=E4 \xE4')), '7bit')).toBe(mail(quoted, lines('=E4 =E4')));
  });

  it('whose header ends without an empty line gets one', () => {
    expect(convert('A: b\r\nno field \xE4\r\n', '7bit')).toBe(
      mail(
        [
          'A: b',
          VERSION,
          'Content-Type: text/plain; charset=unknown-8bit',
          'Content-Transfer-Encoding: quoted-printable',
        ],
        lines('no field =E4'),
      ),
    );
  });

  it('and of 200 KiB is what it was, octet for octet', () => {
    const octets = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7919) >> 3)).toString(
      'latin1',
    );
    for (const type of ['text/plain', 'application/x']) {
      const fields = [VERSION, `Content-Type: ${type}`, 'Content-Transfer-Encoding: binary'];
      const converted = sourceOf(convert(mail(fields, octets), '8bit'));
      expect(bodies(converted)).toEqual([octets]);
    }
  });
});

describe('a message of many parts', () => {
  const nested = (encodings: readonly [string, string, string], text: string, image: string): string =>
    lines(
      VERSION,
      'Content-Type: multipart/mixed; boundary=a',
      `Content-Transfer-Encoding: ${encodings[0]}`,
      '',
      'a preamble',
      '--a',
      'Content-Type: message/rfc822',
      `Content-Transfer-Encoding: ${encodings[0]}`,
      '',
      VERSION,
      'Content-Type: multipart/alternative; boundary=b',
      `Content-Transfer-Encoding: ${encodings[0]}`,
      '',
      '--b',
      'Content-Type: text/plain; charset=iso-8859-1',
      `Content-Transfer-Encoding: ${encodings[1]}`,
      '',
      text,
      '--b',
      '',
      'plain',
      '--b--',
      '--a',
      'Content-Type: image/x',
      `Content-Transfer-Encoding: ${encodings[2]}`,
      '',
      image,
      '--a--',
    );

  it('is converted inside, and says so around', () => {
    expect(convert(nested(['binary', '8bit', 'binary'], '\xE4 ', '\0\n'), '7bit')).toBe(
      nested(['7bit', 'quoted-printable', 'base64'], '=E4=20', 'AAo='),
    );
    expect(convert(nested(['binary', '8bit', 'binary'], '\xE4 ', '\0\n'), '8bit')).toBe(
      nested(['8bit', '8bit', 'base64'], '\xE4 ', 'AAo='),
    );
  });

  it('stays as it is where it fits', () => {
    const text = nested(['8bit', '8bit', 'base64'], '\xE4 ', 'AAo=');
    expect(convert(text, '8bit')).toBe(text);
  });

  it('loses 8-bit octets between its parts', () => {
    const text = nested(['7bit', '7bit', 'base64'], 'x', 'AAo=').replace('a preamble', 'pr\xE4ambel');
    expect(convert(text, '7bit')).toBe(text.replace('\xE4', '?'));
    expect(convert(text, '8bit')).toBe(text);
  });
});

describe('no conversion', () => {
  const eightBit = lines('\xE4');
  it.each([
    ['a header beyond ASCII', mail(['Subject: \xE4'], 'x'), 'header has octets beyond ASCII'],
    [
      'the header of a part beyond ASCII',
      mail([VERSION, 'Content-Type: multipart/x; boundary=a'], lines('--a', 'A: \xE4', '', 'x', '--a--')),
      'header has octets beyond ASCII',
    ],
    [
      'a multipart that has no parts',
      mail([VERSION, 'Content-Type: multipart/mixed; boundary=a'], eightBit),
      'multipart/mixed must not be encoded',
    ],
    [
      'a piece of a message',
      mail([VERSION, 'Content-Type: message/partial; id=x'], eightBit),
      'message/partial must not be encoded',
    ],
    [
      'an encoding that nobody knows',
      mail([VERSION, 'Content-Transfer-Encoding: x-uuencode'], eightBit),
      'x-uuencode is not known',
    ],
    [
      'two encodings',
      mail(['Content-Transfer-Encoding: 8bit', 'Content-Transfer-Encoding: binary'], eightBit),
      'two encodings',
    ],
    [
      'a message in a digest without an empty line before it',
      mail(['Content-Type: multipart/digest; boundary=a'], lines('--a', '\x0bnone', '', '\xE4', '--a--')),
      'without an empty line',
    ],
    [
      'a message behind a header that ends before a line that is no field',
      mail(['Content-Type: message/rfc822', 'no field'], lines('\xE4')),
      'without an empty line',
    ],
    [
      'messages in messages in messages',
      `${mail([VERSION, 'Content-Type: message/rfc822'], '').repeat(40)}${eightBit}`,
      'nested too deep',
    ],
  ])('of %s', (_name, text, why) => {
    expect(convert(text, '7bit')).toMatch(new RegExp(`^! .*${why}`));
  });

  it('of lines between parts that end with LF alone', () => {
    const text = mail([VERSION, 'Content-Type: multipart/x; boundary=a'], '--a\n\nx\n--a--\n');
    expect(convert(text, '8bit')).toMatch(/^! /);
  });
});

/** The leaf parts as they are once decoded, latin1. */
function bodies(source: SyncByteSource): string[] {
  const { parts } = indexMime(source);
  const leaves = parts.filter(({ index }) => !parts.some(({ parent }) => parent === index));
  return leaves.map((part) => {
    const octets = Buffer.alloc(part.size);
    return octets.toString('latin1', 0, new PartReader(source, part).readInto(octets, 0));
  });
}

describe('any message', () => {
  const octets = fc.array(
    fc.constantFrom('\r\n', '\n', '\r', '\0', '\xE4', 'a', ' ', '=', '-', 'x'.repeat(999)),
    {
      maxLength: 12,
    },
  );
  const encoding = fc.constantFrom('', '7bit', '8bit', 'binary');
  const type = fc.constantFrom('', 'text/plain', 'text/html; charset=utf-8', 'image/x', 'application/pdf');
  const leaf = fc.tuple(type, encoding, octets).map(([contentType, label, body]) => {
    const fields = [
      ...(contentType === '' ? [] : [`Content-Type: ${contentType}`]),
      ...(label === '' ? [] : [`Content-Transfer-Encoding: ${label}`]),
    ];
    return mail(fields, body.join(''));
  });
  const { tree } = fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 3, depthSize: 'medium' },
      leaf,
      tie('tree').map((inner) =>
        mail(['Content-Type: message/rfc822', 'Content-Transfer-Encoding: binary'], inner),
      ),
      fc.tuple(fc.array(tie('tree'), { minLength: 1, maxLength: 3 }), fc.nat()).map(([inner, salt]) => {
        const boundary = `b${salt}`;
        const parts = inner.map((one) => `--${boundary}\r\n${one}\r\n`).join('');
        return mail(
          [`Content-Type: multipart/mixed; boundary=${boundary}`, 'Content-Transfer-Encoding: binary'],
          `${parts}--${boundary}--\r\n`,
        );
      }),
    ),
  }));

  it('fits afterwards, has the same in its parts, and needs no more conversion', () => {
    fc.assert(
      fc.property(tree, fc.constantFrom('7bit' as const, '8bit' as const), (text, needs) => {
        const converted = convert(text, needs);
        expect(converted).not.toMatch(/^! /);
        // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
        expect(converted).not.toMatch(needs === '7bit' ? /[\0\x80-\xFF]/ : /\0/);
        expect(converted.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
        expect(Math.max(...converted.split('\r\n').map(({ length }) => length))).toBeLessThanOrEqual(998);
        expect(bodies(sourceOf(converted))).toEqual(bodies(sourceOf(text)));
        expect(convert(converted, needs)).toBe(converted);
      }),
      { numRuns: 1000 },
    );
  });
});
