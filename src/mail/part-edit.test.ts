import { describe, expect, it } from 'vitest';
import { openSpool, spoolOf } from '../base/spool.ts';
import { SyncImageReader } from './image-reader.ts';
import { applySplices, imageOf, isProblem, type Problem, type Splice } from './image.ts';
import { indexMime } from './mime-index.ts';
import { replacePart } from './part-edit.ts';
import { PartReader } from './part-reader.ts';

const crlf = (...lines: string[]): string => lines.join('\r\n');

function splicesFor(text: string, index: number, type: string, content: string): Splice[] | Problem {
  const source = openSpool(spoolOf(Buffer.from(text)).handle);
  const { parts } = indexMime(source);
  return replacePart({ source, parts }, { index, type, content: Buffer.from(content) });
}

function replace(text: string, index: number, type: string, content: string): string {
  const splices = splicesFor(text, index, type, content);
  if (isProblem(splices)) throw new Error(splices.problem);
  const image = applySplices(imageOf(spoolOf(Buffer.from(text)).handle), splices);
  if (isProblem(image)) throw new Error(image.problem);
  const target = Buffer.alloc(image.size);
  new SyncImageReader(openSpool(image.spool), image).readInto(target, 0);
  return target.toString();
}

/** Type and decoded body of every part. */
function contents(text: string): [string, string][] {
  const source = openSpool(spoolOf(Buffer.from(text)).handle);
  return indexMime(source).parts.map((part) => {
    const target = Buffer.alloc(part.size);
    return [part.type, target.toString('utf8', 0, new PartReader(source, part).readInto(target, 0))];
  });
}

const message = crlf(
  'From: ann@example.com',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  'Subject: x',
  '',
  '--b',
  '',
  'text',
  '--b',
  'Content-Type: application/pdf; name=a.pdf',
  'Content-Disposition: attachment',
  'Content-Transfer-Encoding: base64',
  '',
  'QUJD',
  '--b--',
  '',
);

describe('replacePart', () => {
  it('puts a short plain text in the place of an attachment', () => {
    const text = replace(message, 2, 'text/plain', 'The attachment was removed.');
    expect(text).toBe(
      message.replace(
        /Content-Type: application[^]*QUJD/,
        'Content-Type: text/plain\r\n\r\nThe attachment was removed.',
      ),
    );
    expect(contents(text).slice(1)).toEqual([
      ['text/plain', 'text'],
      ['text/plain', 'The attachment was removed.'],
    ]);
  });

  it.each([
    ['German', 'Der Anhang »böse.exe« wurde entfernt.\r\n'.repeat(5)],
    ['Japanese', '添付ファイルは削除されました。\r\n'.repeat(20)],
    ['long lines', `${'word '.repeat(500)}\r\nend`],
    ['white space at the end of lines', 'a \r\nb\t\r\n \r\nc '],
    ['lines that look like delimiters', '--b\r\n\r\nforged\r\n--b--\r\n'],
    ['NULs and controls', 'a\0b\x1bc'],
    ['dashes over a soft line break', `${'x'.repeat(75)}--b${'-'.repeat(300)}`],
    ['nothing', ''],
  ])('carries %s unchanged', (_name, content) => {
    const text = replace(message, 2, 'text/plain; charset=utf-8', content);
    expect(contents(text).slice(1)).toEqual([
      ['text/plain', 'text'],
      ['text/plain', content],
    ]);
    expect(text).toMatch(/^[\r\n -~]*$/);
    expect(Math.max(...text.split('\r\n').map((line) => line.length))).toBeLessThanOrEqual(78);
  });

  it('gives text CRLF line ends and leaves other types octet for octet', () => {
    expect(contents(replace(message, 2, 'text/plain', 'a\nb\rc\r\nd'))[2]).toEqual([
      'text/plain',
      'a\r\nb\r\nc\r\nd',
    ]);
    expect(contents(replace(message, 2, 'application/json', 'a\nb\rc\r\nd'))[2]).toEqual([
      'application/json',
      'a\nb\rc\r\nd',
    ]);
  });

  it('replaces the whole body as part 0 and keeps the other header fields', () => {
    expect(replace(message, 0, 'text/html; charset=utf-8', '<p>gone</p>')).toBe(
      crlf(
        'From: ann@example.com',
        'MIME-Version: 1.0',
        'Subject: x',
        'Content-Type: text/html; charset=utf-8',
        '',
        '<p>gone</p>',
        '',
      ),
    );
  });

  it('gives part 0 the fields and the empty line that it lacked', () => {
    const fields = 'MIME-Version: 1.0\r\nContent-Type: text/plain\r\n';
    expect(replace('A: 1\r\n\r\nold', 0, 'text/plain', 'new')).toBe(`A: 1\r\n${fields}\r\nnew\r\n`);
    expect(replace('A: 1\r\njunk\r\nold', 0, 'text/plain', 'new')).toBe(`A: 1\r\n${fields}\r\nnew\r\n`);
    expect(replace('A: 1\r\n', 0, 'text/plain', 'new')).toBe(`A: 1\r\n${fields}\r\nnew\r\n`);
    expect(replace('A: 1', 0, 'text/plain', 'new')).toBe(`A: 1\r\n${fields}\r\nnew\r\n`);
    expect(replace('', 0, 'text/plain', 'new')).toBe(`${fields}\r\nnew\r\n`);
  });

  it('removes several Content fields with their continuations', () => {
    const text = crlf(
      'Content-Type: text/html;',
      ' charset=x',
      'A: 1',
      'Content-Transfer-Encoding: base64',
      '',
      'QQ==',
    );
    expect(replace(text, 0, 'text/plain', 'new')).toBe(
      'A: 1\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\nnew\r\n',
    );
  });

  it('keeps the header of a message inside the message', () => {
    const text = crlf(
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: message/rfc822',
      '',
      'Subject: inner',
      'Content-Type: text/html',
      '',
      'old',
      '--b--',
      '',
    );
    expect(replace(text, 2, 'text/plain', 'new')).toBe(
      text
        .replace('Content-Type: text/html', 'MIME-Version: 1.0\r\nContent-Type: text/plain')
        .replace('old', 'new'),
    );
  });

  it('keeps the delimiter after a part that had no line of its own', () => {
    const text = crlf('Content-Type: multipart/mixed; boundary=b', '', '--b', '--b', 'X: y', '--b--', '');
    for (const index of [1, 2]) {
      const parts = contents(replace(text, index, 'text/plain', 'new'));
      expect(parts).toHaveLength(3);
      expect(parts[index]).toEqual(['text/plain', 'new']);
    }
  });

  it.each([
    ['no such part', 9, 'text/plain'],
    ['no type', 1, 'text'],
    ['a type that breaks out', 1, 'text/plain\r\nX: y'],
    ['a type beyond ASCII', 1, 'text/plain; charset=ü'],
    ['a multipart', 1, 'Multipart/mixed; boundary=c'],
    ['a message', 1, 'message/rfc822'],
    ['an empty type', 1, ''],
  ])('refuses %s', (_name, index, type) => {
    expect(splicesFor(message, index, type, 'x')).toHaveProperty('problem');
  });
});
