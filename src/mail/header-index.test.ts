import { describe, expect, it } from 'vitest';
import { openSpool, spoolOf } from '../base/spool.ts';
import { FIELD_LIMIT, HEADER_LIMIT, indexHeader, readHeader, readHeaderOf } from './header-index.ts';
import { countHops } from './loop.ts';

const latin1 = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const fieldsOf = (index: ReturnType<typeof indexHeader>): (string | undefined)[][] =>
  index.fields.map((_field, i) => [index.name(i), index.value(i)]);

describe('indexHeader', () => {
  const text = 'From: ann@example.com\r\nSubject:  one\r\n two\r\n\tthree \r\nX-Empty:\r\n\r\nbody\r\n';

  it('finds fields, unfolds values, and tells where the body starts', () => {
    const index = indexHeader(latin1(text));
    expect(fieldsOf(index)).toEqual([
      ['From', 'ann@example.com'],
      ['Subject', 'one two\tthree'],
      ['X-Empty', ''],
    ]);
    expect(index.ending).toBe('emptyLine');
    expect(text.slice(index.bodyStart)).toBe('body\r\n');
    expect(text.slice(index.end, index.bodyStart)).toBe('\r\n');
    expect(Buffer.from(index.bytes).toString()).toBe(text.slice(0, index.end));
  });

  it('gives byte ranges that name exactly the parts of a field', () => {
    const { fields } = indexHeader(latin1(text));
    const subject = fields[1]!;
    expect(text.slice(subject.start, subject.nameEnd)).toBe('Subject');
    expect(text.slice(subject.valueStart, subject.valueEnd)).toBe('  one\r\n two\r\n\tthree ');
    expect(text.slice(subject.start, subject.end)).toBe('Subject:  one\r\n two\r\n\tthree \r\n');
    expect(fields[2]!.start).toBe(subject.end);
  });

  it('counts from the offset of the header in the message', () => {
    const whole = indexHeader(latin1(text));
    const moved = indexHeader(latin1(text), { offset: 1000 });
    expect(moved.bodyStart).toBe(whole.bodyStart + 1000);
    expect(moved.fields[1]!.start).toBe(whole.fields[1]!.start + 1000);
    expect(fieldsOf(moved)).toEqual(fieldsOf(whole));
  });

  it('finds by name and number, case ignored', () => {
    const index = indexHeader(latin1('A: 1\r\nb: 2\r\na: 3\r\nReceived: x\r\n\r\n'));
    expect(index.find('A')).toBe(0);
    expect(index.find('a', 1)).toBe(2);
    expect(index.find('a', 2)).toBeUndefined();
    expect(index.find('constructor')).toBeUndefined();
    expect(index.find('B', -1)).toBeUndefined();
    expect(index.first('B')).toBe('2');
    expect(countHops(index)).toBe(1);
  });

  it.each([
    ['no header at all', '\r\nbody', 0, 'emptyLine', 2],
    ['nothing', '', 0, 'end', 0],
    ['no empty line', 'A: 1\r\nB: 2\r\n', 2, 'end', 12],
    ['no last line end', 'A: 1\r\nB: 2', 2, 'end', 10],
    ['a line without a colon', 'A: 1\r\njunk\r\nB: 2\r\n\r\n', 1, 'junk', 6],
    ['a continuation without a field', ' x\r\nA: 1\r\n\r\n', 0, 'junk', 0],
    ['an empty name', ': x\r\n\r\n', 0, 'junk', 0],
    ['a name with a space', 'From ann: x\r\n\r\n', 0, 'junk', 0],
    ['a name with a NUL', 'A\0: x\r\n\r\n', 0, 'junk', 0],
    ['a name with non-ASCII', '\xe4: x\r\n\r\n', 0, 'junk', 0],
    ['space before the colon', 'A \t: x\r\n\r\nb', 1, 'emptyLine', 10],
    ['LF alone', 'A: 1\n\nb', 1, 'emptyLine', 6],
    ['a NUL in a value', 'A: \0\r\n\r\n', 1, 'emptyLine', 8],
    ['a CR that ends no line', 'A: 1\r\n\rB', 1, 'junk', 6],
  ])('reads %s', (_name, text, count, ending, bodyStart) => {
    const index = indexHeader(latin1(text));
    expect([index.fields.length, index.ending, index.bodyStart]).toEqual([count, ending, bodyStart]);
  });

  it('keeps the octets of a value in another charset', () => {
    const index = indexHeader(latin1('A: \xa0\x85\xff\r\n\r\n'));
    expect(index.value(0)).toBe('\xa0\x85\xff');
    expect([...index.valueBytes(0)!]).toEqual([0xa0, 0x85, 0xff]);
    expect(index.value(7)).toBeUndefined();
    expect(index.valueBytes(7)).toBeUndefined();
    expect(index.name(7)).toBeUndefined();
  });

  it('leaves out a field that may go on past the octets at hand', () => {
    const text = 'A: 1\r\nLong: x\r\n y\r\n\r\nbody';
    for (let length = 0; length < 21; length++) {
      const index = indexHeader(latin1(text.slice(0, length)), { more: true });
      expect(index.ending).toBe('limit');
      for (const [name, value] of fieldsOf(index)) expect(`${name}:${value}`).toMatch(/^(A:1|Long:x y)$/);
      expect(index.bodyStart).toBe(index.fields.at(-1)?.end ?? 0);
    }
    expect(indexHeader(latin1(text.slice(0, 21)), { more: true }).ending).toBe('emptyLine');
  });

  it('stops at 10,000 of 50,000 fields and says so', () => {
    const text = 'A: 1\r\n'.repeat(50_000);
    const index = indexHeader(latin1(`${text}\r\nbody`));
    expect(index.fields).toHaveLength(FIELD_LIMIT);
    expect(index.ending).toBe('limit');
    expect(index.bodyStart).toBe(FIELD_LIMIT * 6);
  });

  it('takes exactly 10,000 fields', () => {
    expect(indexHeader(latin1(`${'A: 1\r\n'.repeat(FIELD_LIMIT)}\r\n`)).ending).toBe('emptyLine');
  });

  it('stops at 1 MiB', () => {
    const index = indexHeader(latin1(`A: 1\r\nB: ${'x'.repeat(HEADER_LIMIT)}\r\n\r\n`));
    expect(fieldsOf(index)).toEqual([['A', '1']]);
    expect(index.ending).toBe('limit');
  });

  it('unfolds a value of a million white-space characters', () => {
    const value = `x${' '.repeat(500_000)}y${'\r\n '.repeat(100_000)}`;
    expect(indexHeader(latin1(`A:${value}\r\n\r\n`)).value(0)).toHaveLength(500_002);
  });
});

describe('readHeader', () => {
  const read = (text: string): ReturnType<typeof indexHeader> =>
    readHeader(openSpool(spoolOf(latin1(text)).handle));

  it.each([1, 16_300, 16_384, 17_000, 140_000, 1_000_000])('reads a header of %i octets', (length) => {
    const index = read(`A: ${'x'.repeat(length)}\r\nB: 2\r\n\r\nbody`);
    expect(index.ending).toBe('emptyLine');
    expect(index.value(0)).toHaveLength(length);
    expect(index.first('b')).toBe('2');
  });

  it('reads an empty message', () => {
    expect(read('').ending).toBe('end');
  });

  it('gives up on a header past the limit', () => {
    const index = read(`A: 1\r\nB: ${'x'.repeat(2 * HEADER_LIMIT)}\r\n\r\n`);
    expect(index.ending).toBe('limit');
    expect(index.fields).toHaveLength(1);
  });
});

describe('readHeaderOf', () => {
  /** Reads the header, and notes how far it has read. */
  const readOf = async (text: string) => {
    const spool = spoolOf(latin1(text));
    let end = 0;
    const read = async (offset: number, length: number) => {
      const octets = await spool.read(offset, length);
      end = Math.max(end, offset + octets.length);
      return octets;
    };
    return { index: await readHeaderOf({ size: spool.size, read }), end };
  };

  it.each([1, 16_384, 17_000, 1_000_000])('reads a header of %i octets', async (length) => {
    const { index } = await readOf(`A: ${'x'.repeat(length)}\r\nB: 2\r\n\r\nbody`);
    expect(index.ending).toBe('emptyLine');
    expect(index.value(0)).toHaveLength(length);
    expect(index.first('b')).toBe('2');
  });

  it('does not read the last octet of the message, unless it is the header that ends there', async () => {
    const message = 'A: 1\r\nB: 2\r\n\r\nb';
    expect((await readOf(message)).end).toBe(message.length - 1);
    for (const header of ['A: 1\r\nB: 2\r\n\r\n', 'A: 1\r\nB: 2\r\n', 'A: 1\r\nB: 2']) {
      const { index, end } = await readOf(header);
      expect([index.first('b'), end]).toEqual(['2', header.length]);
    }
  });

  it.each(['', 'x'])('reads the message %j', async (text) => {
    expect((await readOf(text)).index.fields).toEqual([]);
  });

  it('gives up on a header past the limit', async () => {
    const { index } = await readOf(`A: 1\r\nB: ${'x'.repeat(2 * HEADER_LIMIT)}\r\n\r\n`);
    expect([index.ending, index.fields.length]).toEqual(['limit', 1]);
  });
});
