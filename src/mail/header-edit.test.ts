import { describe, expect, it } from 'vitest';
import { openSpool, spoolOf } from '../base/spool.ts';
import { decodeWords } from './encoded-word.ts';
import { addField, changeField, composeField, insertField, removeField } from './header-edit.ts';
import { indexHeader } from './header-index.ts';
import { SyncImageReader } from './image-reader.ts';
import { applySplices, imageOf, isProblem, type Problem, type Splice } from './image.ts';

const ascii = { smtputf8: false };

function compose(name: string, value: string, options = ascii): string {
  const field = composeField({ name, value }, options);
  return isProblem(field) ? field.problem : Buffer.from(field).toString();
}

const unfolded = (field: string): string => indexHeader(Buffer.from(field)).value(0) ?? '';

function edit(text: string, ...splices: (Splice | Problem)[]): string {
  const wanted = splices.map((splice) => {
    if (isProblem(splice)) throw new Error(splice.problem);
    return splice;
  });
  const image = applySplices(imageOf(spoolOf(Buffer.from(text)).handle), wanted);
  if (isProblem(image)) throw new Error(image.problem);
  const target = Buffer.alloc(image.size);
  new SyncImageReader(openSpool(image.spool), image).readInto(target, 0);
  return target.toString();
}

describe('composeField', () => {
  it('composes a short field on one line', () => {
    expect(compose('X-Spam', ' yes, score=7 \t')).toBe('X-Spam: yes, score=7\r\n');
    expect(compose('X-Empty', '  ')).toBe('X-Empty:\r\n');
  });

  it('folds at 76 characters, and unfolding gives the value back', () => {
    const value = Array.from({ length: 60 }, (_, i) => 'w'.repeat(1 + (i % 11)))
      .join(' ')
      .replace(' w ', '  \t w ');
    const field = compose('Subject', value);
    const lines = field.trimEnd().split('\r\n');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(76);
    for (const line of lines.slice(1)) expect(line).toMatch(/^[ \t]+\S/);
    expect(unfolded(field)).toBe(value);
  });

  it('leaves a word of up to 998 octets whole, and refuses a longer one', () => {
    const fits = 'x'.repeat(998 - 'A: '.length);
    expect(compose('A', fits)).toBe(`A: ${fits}\r\n`);
    expect(compose('A', `${fits}x`)).toMatch(/^Cannot compose header field A: a line of 999 octets/);
    expect(compose('A', `b ${'x'.repeat(997)}`)).toBe(`A: b\r\n ${'x'.repeat(997)}\r\n`);
    expect(compose('A', `b ${'x'.repeat(998)}`)).toMatch(/^Cannot/);
  });

  it('encodes words beyond ASCII, and only those', () => {
    const field = compose('Subject', 'Grüße aus Köln from Cologne, 日本');
    expect(field).toMatch(/^[\r\n -~]*$/);
    expect(unfolded(field)).toMatch(/ aus =\?utf-8\?\S+ from Cologne, =\?utf-8\?/);
    expect(decodeWords(unfolded(field))).toBe('Grüße aus Köln from Cologne, 日本');
  });

  it('encodes the white space between neighbours, which readers would drop', () => {
    for (const value of ['ä  ö', 'ä\tö', '“smart quotes”', `${'日本語 '.repeat(60)}end`]) {
      const field = compose('Subject', value);
      expect(decodeWords(unfolded(field))).toBe(value);
      for (const line of field.split('\r\n')) expect(line.length).toBeLessThanOrEqual(76);
    }
  });

  it('leaves UTF-8 for a message with SMTPUTF8, and counts its octets', () => {
    expect(compose('Subject', 'Grüße', { smtputf8: true })).toBe('Subject: Grüße\r\n');
    expect(compose('A', 'ü'.repeat(499), { smtputf8: true })).toMatch(/^Cannot .*1001 octets/);
  });

  it.each(['a\r\nBcc: x', 'a\nb', 'a\rb', 'a\0b', 'a\ud800b', 'x'.repeat(65_537)])(
    'refuses value %#',
    (value) => {
      expect(compose('A', value)).toMatch(/^Cannot compose header field A/);
      expect(compose('A', value, { smtputf8: true })).toMatch(/^Cannot compose header field A/);
    },
  );

  it.each(['', 'A B', 'A:', 'A\r\n', 'Ä', 'A\0', 'x'.repeat(101)])('refuses name %j', (name) => {
    expect(compose(name, 'x')).toMatch(/^Cannot compose a header field/);
  });

  it('composes 65,536 characters of anything', () => {
    for (const value of [
      'ü'.repeat(65_536),
      'a '.repeat(32_768),
      ' '.repeat(65_536),
      `a${' '.repeat(900)}`.repeat(70),
    ]) {
      const field = compose('A', value);
      expect(decodeWords(unfolded(field))).toBe(value.trim());
    }
  });
});

describe('splices', () => {
  const text = 'From: ann@example.com\r\nSUBJECT: long\r\n folded\r\nTo: bob@example.com\r\n\r\nbody\r\n';
  const header = indexHeader(Buffer.from(text));
  const field = Buffer.from('X-New: 1\r\n');

  it('add, insert, change and remove together', () => {
    expect(
      edit(
        text,
        addField(header, field),
        insertField(header, { index: 0, field: Buffer.from('X-Top: 1\r\n') }),
        insertField(header, { index: 1, field: Buffer.from('X-Mid: 1\r\n') }),
        changeField(header, { index: 1, value: 'short', smtputf8: false }),
        removeField(header, 2),
      ),
    ).toBe('X-Top: 1\r\nFrom: ann@example.com\r\nX-Mid: 1\r\nSUBJECT: short\r\nX-New: 1\r\n\r\nbody\r\n');
  });

  it('insert after the last field, and not beyond', () => {
    expect(edit(text, insertField(header, { index: 3, field }))).toContain(
      'bob@example.com\r\nX-New: 1\r\n\r\nbody',
    );
    for (const index of [4, -1, Number.NaN, 0.5]) {
      expect(insertField(header, { index, field })).toHaveProperty('problem');
      expect(removeField(header, index)).toHaveProperty('problem');
      expect(changeField(header, { index, value: 'x', smtputf8: false })).toHaveProperty('problem');
    }
  });

  it('refuse a value that would break out', () => {
    expect(changeField(header, { index: 1, value: 'a\r\nBcc: x', smtputf8: false })).toHaveProperty(
      'problem',
    );
  });

  it('add to a message that has no header, or ends inside it', () => {
    expect(edit('\r\nbody', addField(indexHeader(Buffer.from('\r\nbody')), field))).toBe(
      'X-New: 1\r\n\r\nbody',
    );
    expect(edit('', addField(indexHeader(Buffer.from('')), field))).toBe('X-New: 1\r\n');
    expect(edit('A: 1', addField(indexHeader(Buffer.from('A: 1')), field))).toBe('A: 1\r\nX-New: 1\r\n');
  });
});
