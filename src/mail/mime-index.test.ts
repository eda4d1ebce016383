import { describe, expect, it } from 'vitest';
import { bodyOf, crlf, index, multipart, outline } from './mime-testing.ts';

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

  it('does not take for a delimiter what does not begin with one', () => {
    const lines = ['--bound', ' --boundary', '--BOUNDARY', '---boundary', '-- boundary'];
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
