import { describe, expect, it } from 'vitest';
import { DataReader, type DataFault, type DataOptions } from './server-data.ts';

type Options = Partial<DataOptions>;

interface Result {
  content: string;
  fault: DataFault | undefined;
}

function read(chunks: readonly Buffer[], options: Options = {}): Result {
  const reader = new DataReader({ framing: 'chunks', lineEndings: 'refuse', maxSize: 1e6, ...options });
  let content = '';
  for (const chunk of chunks) {
    const step = reader.feed(chunk);
    expect(step).toMatchObject({ consumed: chunk.length, ended: false });
    content += step.content?.toString('latin1') ?? '';
  }
  content += reader.end()?.toString('latin1') ?? '';
  return { content: reader.fault === undefined ? content : '', fault: reader.fault };
}

const cut = (text: string, ...at: number[]): Buffer[] => {
  const octets = Buffer.from(text, 'latin1');
  return [0, ...at].map((from, index) => octets.subarray(from, at[index] ?? octets.length));
};

const hasBare = (text: string): boolean => /(?<!\r)\n|\r(?!\n)/.test(text);

/** The same rules, told plainly. */
function model(text: string, { framing = 'chunks', lineEndings = 'refuse' }: Options): Result {
  const repaired = text.replace(/\r\n|\r|\n/g, '\r\n');
  let [lines, rest] = [text, ''];
  if (framing === 'binary') {
    // Up to the first empty line; where endings are repaired, to the first that is one then.
    const ending = lineEndings === 'repair' ? /\r\n|\r|\n/g : /\r\n/g;
    const ends = Array.from(text.matchAll(ending), (match) => ({
      from: match.index,
      to: match.index + match[0].length,
    }));
    const empty = ends.find(({ from }, index) => from === (ends[index - 1]?.to ?? 0));
    // A header with a fault does not end: no body comes after it.
    const isFaulty = lineEndings === 'refuse' && hasBare(text.slice(0, empty?.to));
    const end = isFaulty ? text.length : (empty?.to ?? text.length);
    [lines, rest] = [text.slice(0, end), text.slice(end)];
  }
  if (lines.includes('\0')) return { content: '', fault: 'nul' };
  if (lineEndings === 'refuse' && hasBare(lines)) {
    return { content: '', fault: /(?<!\r)\n/.test(lines) ? 'bareLf' : 'bareCr' };
  }
  const canonical = framing === 'chunks' ? repaired : lines.replace(/\r\n|\r|\n/g, '\r\n');
  const tail = rest === '' && canonical !== '' && !canonical.endsWith('\r\n') ? '\r\n' : '';
  return { content: canonical + tail + rest, fault: undefined };
}

describe('a message in chunks', () => {
  it('has dots that mean nothing', () => {
    expect(read(cut('a\r\n.\r\n..b\r\n')).content).toBe('a\r\n.\r\n..b\r\n');
  });

  it('has lines that go over the end of a chunk, also between CR and LF', () => {
    expect(read(cut('ab\r\ncd\r\n', 1, 3, 6))).toEqual({ content: 'ab\r\ncd\r\n', fault: undefined });
    expect(read(cut('ab\r', 1)).fault).toBe('bareCr');
    expect(read(cut('ab\rc\r\n', 3)).fault).toBe('bareCr');
    expect(read(cut('ab\n')).fault).toBe('bareLf');
    expect(read(cut('ab\r', 1), { lineEndings: 'repair' }).content).toBe('ab\r\n');
  });

  it('ends with a line end, as it would after DATA', () => {
    expect(read(cut('ab')).content).toBe('ab\r\n');
    expect(read(cut('')).content).toBe('');
  });

  it('may be as large as allowed', () => {
    expect(read(cut('abcdef\r\n', 3), { maxSize: 8 }).content).toBe('abcdef\r\n');
    expect(read(cut('abcdefg\r\n', 3), { maxSize: 8 }).fault).toBe('size');
    expect(read(cut('abcdefg'), { maxSize: 8 }).fault).toBe('size');
  });
});

describe('a message with a binary body', () => {
  const binary = { framing: 'binary' } as const;

  it('has a header of lines, and after the empty line any octets', () => {
    const text = 'A: b\r\n\r\n\0\r\n.\r\n\n\r\xFFx';
    expect(read(cut(text), binary).content).toBe(text);
    expect(read(cut('A: b\n\r\n'), binary).fault).toBe('bareLf');
    expect(read(cut('A: \0b\r\n\r\n'), binary).fault).toBe('nul');
    expect(read(cut('\r\n\0\r'), binary).content).toBe('\r\n\0\r');
  });

  it('is lines as a whole if no line is empty', () => {
    expect(read(cut('A: b\r\nc'), binary).content).toBe('A: b\r\nc\r\n');
    expect(read(cut('A: b\r\n\0\0'), binary).fault).toBe('nul');
  });

  it('is told the same fault whatever the chunks if its header alone is too large', () => {
    const text = 'A: bcdefgh\r\n\r\n\0';
    for (const chunks of [cut(text), cut(text, 11), cut(text, 12, 14)]) {
      expect(read(chunks, { ...binary, maxSize: 8 }).fault).toBe('size');
    }
  });

  it('has no lines that could be too long', () => {
    const text = `A: b\r\n\r\n${'x'.repeat(3_000_000)}`;
    expect(read(cut(text, 1_000_000), { ...binary, maxSize: 1e7 }).content).toBe(text);
  });
});

it('is the same however it is cut, for 6000 random texts of the octets that matter', () => {
  let seed = 4711;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
    return (seed >>> 8) % below;
  };
  const parts = ['\r\n', '\r\n', '\r\n\r\n', '\r\n.\r\n', '.', 'a', 'bc', '\r', '\n', '\0'];
  for (let round = 0; round < 6000; round++) {
    const usable = parts.length - (round % 3);
    const text = Array.from({ length: 1 + random(12) }, () => parts[random(usable)]).join('');
    const options: Options = {
      framing: round % 2 === 0 ? 'chunks' : 'binary',
      lineEndings: round % 4 < 2 ? 'refuse' : 'repair',
    };
    const cuts = [random(text.length + 1), random(text.length + 1)].sort((a, b) => a - b);
    const octets = [...Buffer.from(text, 'latin1')].map((octet) => Buffer.from([octet]));
    const expected = model(text, options);
    const results = [cut(text), octets, cut(text, ...cuts)].map((chunks) => read(chunks, options));
    // The text goes along so that a failure shows it.
    expect({ text, cuts, options, results }).toEqual({
      text,
      cuts,
      options,
      results: [expected, expected, expected],
    });
  }
});
