import { describe, expect, it } from 'vitest';
import { openSpool, spoolOf } from '../base/spool.ts';
import { indexMime, MIME_DEPTH_LIMIT, MIME_PART_LIMIT, type MimeIndex, type MimePart } from './mime-index.ts';

const crlf = (...lines: string[]): string => lines.join('\r\n');

function index(text: string): MimeIndex {
  return indexMime(openSpool(spoolOf(Buffer.from(text, 'latin1')).handle));
}

function bodyOf(text: string, part: MimePart | undefined): string {
  if (part === undefined) return '(no such part)';
  return text.slice(part.offset + part.headerSize, part.offset + part.headerSize + part.size);
}

/** Parts as `depth type body`, leaves only with their body. */
function outline(text: string): string[] {
  return index(text).parts.map((part) => {
    const leaf = !part.type.startsWith('multipart/') && part.type !== 'message/rfc822';
    return `${part.depth} ${part.type}${leaf ? ` ${JSON.stringify(bodyOf(text, part))}` : ''}`;
  });
}

const multipart = (boundary: string, type = 'mixed'): string =>
  `Content-Type: multipart/${type}; boundary="${boundary}"`;

describe('indexMime', () => {
  it('gives a plain message as its own part 0', () => {
    const text = crlf('Subject: x', '', 'body', '');
    expect(index(text)).toEqual({
      complete: true,
      parts: [
        {
          index: 0,
          parent: -1,
          depth: 0,
          type: 'text/plain',
          charset: '',
          name: '',
          names: [],
          disposition: '',
          encoding: '7bit',
          offset: 0,
          headerSize: 14,
          size: 6,
        },
      ],
    });
  });

  it('gives facts of every part of a nested message', () => {
    const text = crlf(
      'From: ann@example.com',
      multipart('outer'),
      '',
      'preamble --outer',
      '--outer',
      multipart('inner', 'alternative'),
      '',
      '--inner',
      'Content-Type: text/plain; charset=UTF-8',
      'Content-Transfer-Encoding: Quoted-Printable',
      '',
      'hello',
      '--inner',
      'Content-Type: text/html',
      '',
      '<p>hello',
      '',
      '--inner--',
      'epilogue',
      '--outer  ',
      'Content-Type: application/pdf; name="wrong.pdf"',
      'Content-Disposition: ATTACHMENT; filename="a.pdf"',
      'Content-Transfer-Encoding: base64',
      '',
      'QUJD',
      '--outer--',
      'epilogue',
      '--outer',
      '',
    );
    const { parts, complete } = index(text);
    expect(complete).toBe(true);
    expect(parts.map((part) => [part.index, part.parent, part.depth, part.type])).toEqual([
      [0, -1, 0, 'multipart/mixed'],
      [1, 0, 1, 'multipart/alternative'],
      [2, 1, 2, 'text/plain'],
      [3, 1, 2, 'text/html'],
      [4, 0, 1, 'application/pdf'],
    ]);
    expect(parts[2]).toMatchObject({ charset: 'utf-8', encoding: 'quoted-printable' });
    expect(parts[4]).toMatchObject({ name: 'a.pdf', disposition: 'attachment', encoding: 'base64' });
    expect([2, 3, 4].map((i) => bodyOf(text, parts[i]))).toEqual(['hello', '<p>hello\r\n', 'QUJD']);
    expect(parts[0]!.headerSize + parts[0]!.size).toBe(text.length);
    expect(bodyOf(text, parts[1])).toMatch(/^--inner\r\n[^]*--inner--\r\nepilogue$/);
    const last = parts[4]!;
    expect(text.slice(last.offset, last.offset + last.headerSize)).toMatch(
      /^Content-Type: appl[^]*\r\n\r\n$/,
    );
  });

  it('looks into a message inside a message', () => {
    const text = crlf(
      multipart('o'),
      '',
      '--o',
      'Content-Type: message/rfc822',
      '',
      'Subject: inner',
      multipart('i'),
      '',
      '--i',
      '',
      'text',
      '--i--',
      '--o--',
      '',
    );
    expect(outline(text)).toEqual([
      '0 multipart/mixed',
      '1 message/rfc822',
      '2 multipart/mixed',
      '3 text/plain "text"',
    ]);
    const { parts } = index(text);
    expect(parts[2]!.offset).toBe(parts[1]!.offset + parts[1]!.headerSize);
    expect(parts[2]!.headerSize + parts[2]!.size).toBe(parts[1]!.size);
  });

  it('does not look into an encoded message', () => {
    const text = crlf('Content-Type: message/rfc822', 'Content-Transfer-Encoding: base64', '', 'QUJD');
    expect(index(text).parts).toHaveLength(1);
  });

  it('takes parts of a digest for messages', () => {
    const text = crlf(multipart('d', 'digest'), '', '--d', '', 'Subject: one', '', 'first', '--d--', '');
    expect(outline(text)).toEqual(['0 multipart/digest', '1 message/rfc822', '2 text/plain "first"']);
  });

  it.each([
    ['no boundary parameter', 'Content-Type: multipart/mixed', ['0 multipart/mixed']],
    ['an empty boundary', 'Content-Type: multipart/mixed; boundary=""', ['0 multipart/mixed']],
    ['another boundary', multipart('other'), ['0 multipart/mixed']],
    [
      'a type without a subtype',
      'Content-Type: multipart; boundary=b',
      ['0 text/plain "--b\\r\\n\\r\\nx\\r\\n--b--"'],
    ],
    ['two types', `${multipart('b')}\r\nContent-Type: text/plain`, ['0 multipart/mixed', '1 text/plain "x"']],
    [
      'an unquoted boundary with a comment',
      'Content-Type: multipart/mixed; boundary=b (c)',
      ['0 multipart/mixed', '1 text/plain "x"'],
    ],
  ])('reads %s', (_name, field, expected) => {
    expect(outline(crlf(field, '', '--b', '', 'x', '--b--'))).toEqual(expected);
  });

  it('lets a part go to the end if the closing delimiter is missing', () => {
    const text = crlf(multipart('b'), '', '--b', '', 'one', '--b', '', 'two', '');
    expect(outline(text)).toEqual(['0 multipart/mixed', '1 text/plain "one"', '1 text/plain "two\\r\\n"']);
  });

  it('ends inner parts at the delimiter of an outer one', () => {
    const text = crlf(
      multipart('o'),
      '',
      '--o',
      multipart('i'),
      '',
      '--i',
      '',
      'in',
      '--o',
      '',
      'out',
      '--o--',
    );
    expect(outline(text)).toEqual([
      '0 multipart/mixed',
      '1 multipart/mixed',
      '2 text/plain "in"',
      '1 text/plain "out"',
    ]);
  });

  it('does not take a longer line for a delimiter, nor a shorter one', () => {
    const lines = [
      '--bound',
      '--boundary2',
      '--boundary-- x',
      ' --boundary',
      '--BOUNDARY',
      '--boundary---',
      '---boundary',
    ];
    const text = crlf(multipart('boundary'), '', '--boundary', '', ...lines, '--boundary--');
    expect(outline(text)[1]).toBe(`1 text/plain ${JSON.stringify(lines.join('\r\n'))}`);
  });

  it('tells apart boundaries of which one begins with the other', () => {
    const text = crlf(
      multipart('b'),
      '',
      '--b',
      multipart('b--'),
      '',
      '--b--',
      '',
      'in',
      '--b----',
      '--b',
      '',
      'out',
      '--b--',
    );
    expect(outline(text)).toEqual([
      '0 multipart/mixed',
      '1 multipart/mixed',
      '2 text/plain "in"',
      '1 text/plain "out"',
    ]);
  });

  it('gives a boundary used twice to the inner multipart until that is closed', () => {
    const text = crlf(
      multipart('b'),
      '',
      '--b',
      multipart('b'),
      '',
      '--b',
      '',
      'in',
      '--b--',
      '--b',
      '',
      'out',
      '--b--',
    );
    expect(outline(text)).toEqual([
      '0 multipart/mixed',
      '1 multipart/mixed',
      '2 text/plain "in"',
      '1 text/plain "out"',
    ]);
  });

  it('reads parts without an empty line, or without anything', () => {
    const text = crlf(
      multipart('a:b'),
      '',
      '--a:b',
      'Content-Type: x/y',
      '--a:b',
      '--a:b',
      '',
      '--a:b--',
      '',
    );
    const { parts } = index(text);
    expect(parts.map((part) => [part.type, part.headerSize, part.size])).toEqual([
      ['multipart/mixed', text.indexOf('--a:b'), text.length - text.indexOf('--a:b')],
      ['x/y', 'Content-Type: x/y'.length, 0],
      ['text/plain', 0, 0],
      ['text/plain', 0, 0],
    ]);
  });

  it('reads lines that end with LF alone', () => {
    expect(outline(`${multipart('b')}\n\n--b\n\nx\n--b--\n`)).toEqual([
      '0 multipart/mixed',
      '1 text/plain "x"',
    ]);
  });

  it('reads NULs and octets of any value', () => {
    const text = crlf(multipart('b\xff'), '', '--b\xff', 'Content-Type: te\0xt/x', '', '\0\xfe', '--b\xff--');
    expect(bodyOf(text, index(text).parts[1])).toBe('\0\xfe');
  });

  it('reads an empty message', () => {
    expect(index('').parts).toMatchObject([{ headerSize: 0, size: 0 }]);
  });

  it('finds a delimiter wherever the windows are split', () => {
    const head = crlf(multipart('boundary'), '', '--boundary', '', '');
    const tail = crlf('', '--boundary', '', 'second', '--boundary--', '');
    for (let at = 65_536 - 100; at < 65_536 + 10; at++) {
      for (const fill of ['x', '\r\n']) {
        const filler = fill.repeat(at).slice(0, at - head.length);
        const text = head + filler + tail;
        const { parts } = index(text);
        expect(parts).toHaveLength(3);
        expect([parts[1]!.size, bodyOf(text, parts[2])]).toEqual([filler.length, 'second']);
      }
    }
  });

  it('reads a part header larger than a window', () => {
    const text = crlf(
      multipart('b'),
      '',
      '--b',
      `X: ${'x'.repeat(200_000)}`,
      'Content-Type: a/b',
      '',
      'y',
      '--b--',
    );
    expect(outline(text)).toEqual(['0 multipart/mixed', '1 a/b "y"']);
  });
});

describe('bounds', () => {
  it('keeps to the depth limit with 10,000 multiparts inside one another', () => {
    let text = '';
    for (let depth = 0; depth < 10_000; depth++) text += crlf(multipart(`b${depth}`), '', `--b${depth}`, '');
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
    const text = crlf(multipart('b'), '', dashes, '-'.repeat(300_000), '--b', '', 'x', '--b--');
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
  ])('says that %j is not', (...fields) => {
    expect(index(crlf(...fields, '', 'x')).parts[0]).not.toHaveProperty('ambiguous');
  });

  it('reads hostile parameters of a megabyte', () => {
    const texts = ['"\\"', 'name="', 'name=\\"', 'filename   ', 'name=x;', 'boundary=" '];
    for (const text of texts) {
      const value = text.repeat(500_000 / text.length);
      expect(index(`Content-Type: multipart/mixed; ${value}\r\n\r\nx`).parts).toHaveLength(1);
    }
  });
});
