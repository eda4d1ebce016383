import { describe, expect, it } from 'vitest';
import { decodeWords, encodeWords } from './encoded-word.ts';
import { parseFieldParams, textParam, tokenParam } from './field-params.ts';

const octets = (text: string): string => Buffer.from(text).toString('latin1');
const name = (field: string): string => textParam(parseFieldParams(field), 'name');

describe('parseFieldParams', () => {
  it('reads value and parameters', () => {
    const field = parseFieldParams('Text/PLAIN (really); Charset=UTF-8; format="flowed" ;; x');
    expect(field.value).toBe('text/plain');
    expect(tokenParam(field, 'charset')).toBe('UTF-8');
    expect(tokenParam(field, 'format')).toBe('flowed');
    expect(tokenParam(field, 'x')).toBe('');
  });

  it.each([
    ['a/b; name=plain.txt', 'plain.txt'],
    ['a/b; name=with space (1).pdf ; x=y', 'with space (1).pdf'],
    [String.raw`a/b; name="quo\"ted; still"; x=y`, 'quo"ted; still'],
    ['a/b; name="open', 'open'],
    ['a/b; name="', ''],
    ['a/b; name=', ''],
    ['a/b; name', ''],
    ['a/b; name=first; name=second', 'first'],
    ['a/b;name = spaced', 'spaced'],
    ['a/b; (note) name=x', 'x'],
    [octets('a/b; name="Übung.txt"'), 'Übung.txt'],
    ['a/b; name="\xdcbung.txt"', 'Übung.txt'],
    ['a/b; name="=?iso-8859-1?q?=DCbung?= =?iso-8859-1?q?_1?=.txt"', 'Übung 1.txt'],
    ["a/b; name*=utf-8'de'%C3%9Cbung.txt", 'Übung.txt'],
    ["a/b; name=plain; name*=utf-8''better", 'better'],
    ["a/b; name*0*=iso-8859-1''%DCb; name*1=ung; name*2*=%2Etxt", 'Übung.txt'],
    ['a/b; name*1=b; name*0=a; name*3=d', 'ab'],
    ["a/b; name*=no-such-charset''%C3%9C", 'Ü'],
    ['a/b; name*=noquotes%20x', 'noquotes x'],
    ["a/b; name*=utf-8''%zz%", '%zz%'],
    ['', ''],
  ])('finds the name in %j', (field, expected) => {
    expect(name(field)).toBe(expected);
  });

  it('drops a comment after an unquoted token only', () => {
    expect(tokenParam(parseFieldParams('a/b; boundary=x (y)'), 'boundary')).toBe('x');
    expect(tokenParam(parseFieldParams('a/b; boundary="x (y)"'), 'boundary')).toBe('x (y)');
  });

  it('reads a hostile field of a megabyte', () => {
    expect(name(`a/b${';x=y'.repeat(250_000)}; name=end`)).toBe('end');
    expect(name(`a/b;${'('.repeat(1_000_000)}`)).toBe('');
    expect(name(`a/b; name=${'=?'.repeat(500_000)}`)).toHaveLength(1_000_000);
    expect(name(`a/b; name=${'=?a?q?'.repeat(100_000)}`)).toHaveLength(600_000);
  });
});

describe('encoded words', () => {
  it.each([
    ['plain', 'plain'],
    ['=?utf-8?q?J=C3=BCrg?= here', 'Jürg here'],
    ['a =?utf-8?B?w7w=?= b', 'a ü b'],
    ['=?utf-8?q?a?= =?utf-8?q?b?=', 'ab'],
    ['=?utf-8?q?=C3?= =?utf-8?q?=BC?=', 'ü'],
    ['=?utf-8?q?a?= =?iso-8859-1?q?=FC?=', 'aü'],
    ['=?utf-8*de?q?x?=', 'x'],
    ['=?nope?q?x?=', 'x'],
    ['=?utf-8?x?x?=', '=?utf-8?x?x?='],
    ['=?utf-8?q?x', '=?utf-8?q?x'],
  ])('decodes %j', (text, expected) => {
    expect(decodeWords(text)).toBe(expected);
  });

  it('encodes to words of 75 characters at most that decode to the same', () => {
    for (const text of [
      'ü',
      'Grüße aus Köln',
      '日本語のとても長い件名'.repeat(20),
      `${'a'.repeat(200)}é`,
      '😀'.repeat(40),
    ]) {
      const encoded = encodeWords(text);
      for (const word of encoded.split(' ')) {
        expect(word.length).toBeLessThanOrEqual(75);
        expect(word).toMatch(/^=\?utf-8\?[qb]\?[!->@-~]+\?=$/);
        expect(decodeWords(word)).not.toContain('\ufffd');
      }
      expect(decodeWords(encoded)).toBe(text);
    }
  });
});
