import { describe, expect, it } from 'vitest';
import { MIME_DEPTH_LIMIT, MIME_PART_LIMIT } from './mime-index.ts';
import { bodyOf, crlf, index, multipart } from './mime-testing.ts';

describe('bounds', () => {
  it('keeps to the depth limit with 10,000 multiparts inside one another', () => {
    let text = '';
    for (let depth = 0; depth < 10_000; depth++)
      text += crlf(multipart(`b${depth}x`), '', `--b${depth}x`, '');
    const { parts, complete } = index(`${text}\r\nbottom`);
    expect(complete).toBe(false);
    expect(parts).toHaveLength(MIME_DEPTH_LIMIT + 1);
    const last = parts.at(-1)!;
    expect(last.depth).toBe(MIME_DEPTH_LIMIT);
    expect(last.offset + last.headerSize + last.size).toBe(text.length + 8);
  });

  it('keeps to the depth limit with 10,000 messages inside one another', () => {
    const { parts, complete } = index('Content-Type: message/rfc822\r\n\r\n'.repeat(10_000));
    expect(complete).toBe(false);
    expect(parts).toHaveLength(MIME_DEPTH_LIMIT + 1);
  });

  it('keeps to the part limit, and the last part has the rest', () => {
    const text = `${multipart('b')}\r\n\r\n${'--b\r\n\r\nx\r\n'.repeat(5000)}--b--\r\n`;
    const { parts, complete } = index(text);
    expect(complete).toBe(false);
    expect(parts).toHaveLength(MIME_PART_LIMIT);
    const last = parts.at(-1)!;
    expect(last.offset + last.headerSize + last.size).toBe(text.length);
    expect(bodyOf(text, parts[1])).toBe('x');
  });

  it('says so if a boundary is too long or a header past its limit', () => {
    expect(index(crlf(multipart('b'.repeat(999)), '', `--${'b'.repeat(999)}`, '', 'x')).complete).toBe(false);
    expect(index(crlf(multipart('b'.repeat(998)), '', `--${'b'.repeat(998)}`, '', 'x'))).toMatchObject({
      complete: true,
      parts: [{}, {}],
    });
    expect(index(crlf(multipart('b'), '', '--b', 'X: y\r\n'.repeat(50_000), '', 'x', '--b--')).complete).toBe(
      false,
    );
  });

  it('passes over lines of dashes and lines without end', () => {
    const dashes = '--\r\n--bb\r\n'.repeat(100_000);
    const text = crlf(multipart('bx'), '', dashes, '-'.repeat(300_000), '--bx', '', 'x', '--bx--');
    const { parts } = index(text);
    expect(bodyOf(text, parts.at(-1))).toBe('x');
  });
});

describe('what readers may see differently', () => {
  const names = (...fields: string[]): readonly string[] => index(crlf(...fields, '', 'x')).parts[0]!.names;

  it.each([
    [['Content-Disposition: attachment; filename=ok.txt; filename=a.exe'], ['ok.txt', 'a.exe']],
    [
      ['Content-Disposition: attachment; filename=ok.txt', 'Content-Disposition: attachment; filename=a.exe'],
      ['ok.txt', 'a.exe'],
    ],
    [
      ['Content-Type: text/plain; name=a.exe', 'Content-Disposition: inline; filename=ok.txt'],
      ['ok.txt', 'a.exe'],
    ],
    [[`Content-Disposition: a; filename=a.exe; filename*=utf-8''ok.txt`], ['ok.txt', 'a.exe']],
    [['Content-Disposition: attachment filename=a.exe'], ['a.exe']],
    [['Content-Disposition: attachment; x="; filename=a.exe'], ['a.exe']],
    [['Content-Disposition: a; filename*1=exe; filename*0="a."'], ['a.exe']],
    [['Content-Disposition: a; filename*1=a.; filename*2=exe'], ['a.exe']],
    [['Content-Type: text/plain; charset=utf-8'], []],
  ])('finds all names in %j', (fields, expected) => {
    expect(names(...fields)).toEqual(expected);
  });

  it.each([
    ['Content-Type: text/plain', 'Content-Type: multipart/mixed; boundary=b'],
    ['Content-Type: multipart/mixed; boundary=a; boundary=b'],
    ['Content-Type: multipart/mixed; boundary=a b'],
    ['Content-Type: multipart/mixed; boundary=a; boundary*=b'],
    ['Content-Type: multipart/mixed; boundary=a; x="; boundary=b'],
    ['Content-Type: multipart / mixed; boundary=b'],
    ['Content-Type: multipart/mixed'],
    ['Content-Type: =?utf-8?q?multipart/mixed?=; boundary=b'],
    ['Content-Type: =?utf-8?b?bXVsdGlwYXJ0L21peGVk?=; boundary=b'],
    ['Content-Type: "multipart/mixed"; boundary=b'],
    ['Content-Type: text/html/x'],
    [multipart('b'), 'Content-Transfer-Encoding: base64'],
    [multipart('b'), 'Content-Transfer-Encoding: Quoted-Printable'],
    ['Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64'],
    ['Content-Type: message/news', 'Content-Transfer-Encoding: quoted-printable'],
    ['Content-Type: text/plain', 'garbage', 'Content-Type: text/html'],
    [' x', 'Content-Type: text/html'],
    ['\t', 'Content-Type: text/html'],
    ['Content-Transfer-Encoding: 7bit', 'Content-Transfer-Encoding: base64'],
    [`Content-Disposition: a${Array.from({ length: 30 }, (_, i) => `; filename=${i}`).join('')}`],
  ])('says that %j is ambiguous', (...fields) => {
    const [part] = index(crlf(...fields, '', 'x')).parts;
    expect(part).toMatchObject({ ambiguous: true });
    expect(part!.names.length).toBeLessThanOrEqual(20);
  });

  it.each([
    ['Content-Type: text/plain', 'Content-Type: text/plain'],
    ['Content-Type: multipart/mixed; boundary="=_boundary=1 2"; charset=utf-8'],
    ['Content-Type: multipart/mixed; (note) boundary = x ; type="a/b"'],
    ['Content-Type: nonsense'],
    ['Content-Type: text/plain charset=utf-8'],
    ['Content-Type:'],
    ['Content-Type: application/x-\xff; name=a.bin'],
    [multipart('b'), 'Content-Transfer-Encoding: 8BIT (as it is)'],
    ['Content-Type: message/delivery-status', 'Content-Transfer-Encoding: quoted-printable'],
    ['Content-Type: message/global-delivery-status', 'Content-Transfer-Encoding: base64'],
    ['Content-Type: image/png', 'Content-Transfer-Encoding: base64'],
  ])('says that %j is not', (...fields) => {
    expect(index(crlf(...fields, '', 'x')).parts[0]).not.toHaveProperty('ambiguous');
  });

  /** Indexes of the parts that are ambiguous. */
  const ambiguous = (...lines: string[]): number[] =>
    index(crlf(...lines)).parts.flatMap((part) => (part.ambiguous === true ? [part.index] : []));

  it.each([
    ['--bx'],
    ['--b ;x'],
    ['--b-'],
    ['--b---'],
    ['--b-- x'],
    ['--b: x'],
    [`--b${' '.repeat(3000)}`],
    [`--b${'x'.repeat(200_000)}`],
  ])('says that a multipart is ambiguous where some readers find a delimiter: %j', (line) => {
    const field = multipart('b');
    const closing = ['--b--', ''];
    expect(ambiguous(field, '', line, '', 'in', ...closing)).toEqual([0]);
    expect(ambiguous(field, '', '--b', '', 'text', line, 'X: y', '', 'in', ...closing)).toEqual([0]);
    expect(ambiguous(field, '', '--b', 'A: b', line, 'X: y', '', 'in', ...closing)).toContain(0);
    expect(ambiguous(field, '', '--b', line, 'X: y', '', 'in', ...closing)).toContain(0);
    expect(ambiguous(field, '', '--b', '', 'text', ...closing, line)).toEqual([]);
    // What is behind it is a part, so that filters see it.
    const text = crlf(field, '', '--b', '', 'text', line, 'Content-Type: image/png', '', 'in', ...closing);
    expect(
      index(text)
        .parts.map((part) => [part.type, bodyOf(text, part)])
        .slice(1),
    ).toEqual([
      ['text/plain', 'text'],
      ['image/png', 'in'],
    ]);
  });

  it('takes the longest boundary, so that one that begins with another is none', () => {
    const [outer, inner] = [multipart('b'), multipart('b1')];
    const nested = (line: string): string[] => [
      outer,
      '',
      '--b',
      inner,
      '',
      '--b1',
      '',
      line,
      '--b1--',
      '--b--',
    ];
    expect(ambiguous(...nested('x'))).toEqual([]);
    expect(ambiguous(...nested('--b1x'))).toEqual([1]);
    expect(ambiguous(...nested('--bx'))).toEqual([0]);
    expect(ambiguous(...nested(' --b1x'))).toEqual([]);
    expect(ambiguous(outer, '', '--b', '', '--', '-- ', '--B', '----b', '--b--')).toEqual([]);
  });

  it('says that a multipart is ambiguous whose boundary never comes where another may', () => {
    expect(ambiguous(multipart('=?utf-8?q?b?='), '', '--b', '', 'in', '--b--')).toEqual([0]);
    expect(ambiguous(multipart('B'), '', '--b', '', 'in', '--b--')).toEqual([0]);
    expect(ambiguous(multipart('B'), '', 'preamble', '--c', '', 'in')).toEqual([0]);
    expect(ambiguous(multipart('B'), '', `${'x\r\n'.repeat(40_000)}--b`, '', 'in')).toEqual([0]);
    const inner = ['--b', '', 'in', '--b--'];
    expect(ambiguous(multipart('o'), '', '--o', multipart('B'), '', ...inner, '--o--')).toEqual([1]);
    expect(ambiguous('Content-Type: message/rfc822', '', multipart('B'), '', ...inner)).toEqual([1]);
    // It comes, whatever else does.
    expect(ambiguous(multipart('b'), '', '--c', '', ...inner, '--c')).toEqual([]);
    expect(ambiguous(multipart('b'), '', '--c', '--b--')).toEqual([]);
    // A returned message may be its header alone, or be cut off: nobody finds parts there.
    expect(ambiguous('Content-Type: message/rfc822', '', multipart('B'), '')).toEqual([]);
    expect(ambiguous(multipart('o'), '', '--o', multipart('B'), '', '', '--o--')).toEqual([]);
    expect(ambiguous(multipart('B'), '', 'This is a message in MIME format.', ' --b', '-', '')).toEqual([]);
  });

  it('takes no long line without dashes for a delimiter', () => {
    expect(ambiguous(multipart('b'), '', `xxb${'x'.repeat(3000)}`, '--b', '', 'in', '--b--')).toEqual([]);
  });

  it('says that a part is ambiguous whose header has a line that is no field', () => {
    const field = multipart('b');
    expect(ambiguous(field, '', '--b', '', 'a', '--b', 'garbage', 'X: y', '', 'x', '--b--')).toEqual([2]);
    expect(ambiguous(field, '', '--b', ' x', 'X: y', '', 'x', '--b--')).toEqual([1]);
    expect(ambiguous(field, '', '--b', 'X: y', 'garbage', 'Y: z', '', 'x', '--b--')).toEqual([1]);
    expect(ambiguous('Content-Type: message/rfc822', '', '>From ann', 'X: y', '', 'x')).toEqual([1]);
    // Nothing at all, or no more than fields, is no garbage.
    expect(ambiguous(field, '', '--b', '--b', 'X: y', '--b', '--b--')).toEqual([]);
    expect(ambiguous(field, '', '--b', 'X: y', ' z', '', 'garbage', '--b--')).toEqual([]);
  });

  it('is not held up by boundaries that begin alike', () => {
    const fields = Array.from({ length: 30 }, (_, i) =>
      crlf(multipart('b'.repeat(900 + i)), '', `--${'b'.repeat(900 + i)}`, ''),
    );
    const text = `${fields.join('')}\r\n${`--${'b'.repeat(899)}\r\n`.repeat(10_000)}`;
    expect(index(text).parts).toHaveLength(31);
  });

  it('reads hostile parameters of a megabyte', () => {
    const texts = ['"\\"', 'name="', 'name=\\"', 'filename   ', 'name=x;', 'boundary=" '];
    for (const text of texts) {
      const value = text.repeat(500_000 / text.length);
      expect(index(`Content-Type: multipart/mixed; ${value}\r\n\r\nx`).parts).toHaveLength(1);
    }
  });
});
