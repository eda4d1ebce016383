import { describe, expect, it } from 'vitest';
import { DataReader, MAX_DATA_LINE, type DataFault } from './server-data.ts';

interface Result {
  content: string;
  fault: DataFault | undefined;
  /** Octets after the end of the message, or undefined if the end was not found. */
  after: string | undefined;
}

function read(chunks: readonly Buffer[], lineEndings: 'refuse' | 'repair' = 'refuse', maxSize = 1e6): Result {
  const reader = new DataReader({ framing: 'dots', lineEndings, maxSize });
  let content = '';
  for (const [index, chunk] of chunks.entries()) {
    const step = reader.feed(chunk);
    content += step.content?.toString('latin1') ?? '';
    if (step.ended) {
      const rest = Buffer.concat([chunk.subarray(step.consumed), ...chunks.slice(index + 1)]);
      return {
        content: reader.fault === undefined ? content : '',
        fault: reader.fault,
        after: rest.toString('latin1'),
      };
    }
  }
  return { content: reader.fault === undefined ? content : '', fault: reader.fault, after: undefined };
}

const cut = (text: string, ...at: number[]): Buffer[] => {
  const octets = Buffer.from(text, 'latin1');
  return [0, ...at].map((from, index) => octets.subarray(from, at[index] ?? octets.length));
};

/** The same rules, told octet by octet, slowly and plainly. */
function model(text: string, lineEndings: 'refuse' | 'repair', maxSize = 1e6): Result {
  const faults = new Set<DataFault>();
  let content = '';
  let lineStart = true;
  let afterCrlf = true;
  let position = 0;
  let after: string | undefined;
  while (position < text.length) {
    if (lineStart && afterCrlf && text.startsWith('.\r\n', position)) {
      after = text.slice(position + 3);
      break;
    }
    const rest = text.slice(position);
    // What can't be judged before more has come.
    if (rest === '\r' || (lineStart && (rest === '.' || rest === '.\r'))) break;
    const char = text[position]!;
    const next = text[position + 1];
    if (char === '\r' && next === '\n') {
      content += '\r\n';
      position += 2;
      lineStart = afterCrlf = true;
      continue;
    }
    position += 1;
    if (char === '\r' || char === '\n') {
      if (lineEndings === 'refuse') faults.add(char === '\n' ? 'bareLf' : 'bareCr');
      content += '\r\n';
      lineStart = lineEndings === 'repair';
      afterCrlf = false;
      continue;
    }
    if (char === '\0') faults.add('nul');
    if (!(lineStart && char === '.' && next !== '\r' && next !== '\n')) content += char;
    lineStart = false;
  }
  if (content.length > maxSize) faults.add('size');
  const fault = (['nul', 'bareLf', 'bareCr', 'line', 'size'] as const).find((name) => faults.has(name));
  return { content: fault === undefined ? content : '', fault, after };
}

describe('the end of the data', () => {
  it('is CRLF.CRLF, or .CRLF at the very start', () => {
    expect(read(cut('a\r\nb\r\n.\r\nQUIT\r\n'))).toEqual({
      content: 'a\r\nb\r\n',
      fault: undefined,
      after: 'QUIT\r\n',
    });
    expect(read(cut('.\r\nQUIT\r\n'))).toEqual({ content: '', fault: undefined, after: 'QUIT\r\n' });
  });

  it.each([
    ['\\n.\\n', 'a\n.\nX'],
    ['\\n.\\r\\n', 'a\n.\r\nX'],
    ['\\r\\n.\\n', 'a\r\n.\nX'],
    ['\\r.\\r', 'a\r.\rX'],
    ['\\r.\\r\\n', 'a\r.\r\nX'],
    ['\\r\\n.\\r', 'a\r\n.\rX'],
    ['\\r\\n.\\r\\r\\n', 'a\r\n.\r\r\nX'],
    ['\\r\\n.\\0\\r\\n', 'a\r\n.\0\r\nX'],
    ['\\r\\n\\0.\\r\\n', 'a\r\n\0.\r\nX'],
    ['\\r\\r\\n.\\n', 'a\r\r\n.\nX'],
    ['\\n\\r.\\r\\n', 'a\n\r.\r\nX'],
  ])('is never %s', (_name, text) => {
    for (const lineEndings of ['refuse', 'repair'] as const) {
      expect(read(cut(text), lineEndings).after).toBeUndefined();
    }
    expect(read(cut(`${text}\r\n.\r\nNOOP\r\n`), 'refuse')).toMatchObject({ content: '', after: 'NOOP\r\n' });
    expect(read(cut(`${text}\r\n.\r\nNOOP\r\n`), 'refuse').fault).toBeDefined();
    expect(read(cut(`${text}\r\n.\r\nNOOP\r\n`), 'repair').after).toBe('NOOP\r\n');
  });

  it('is found in the same place after a fault', () => {
    expect(read(cut('a\nb\r\n.\r\nNOOP\r\n'))).toEqual({ content: '', fault: 'bareLf', after: 'NOOP\r\n' });
  });
});

describe('content', () => {
  it('loses the dot of dot-stuffing and no other', () => {
    expect(read(cut('..\r\n..a\r\n.b\r\nc.\r\n.\r\n')).content).toBe('.\r\n.a\r\nb\r\nc.\r\n');
  });

  it('is repaired to CRLF lines', () => {
    expect(read(cut('a\nb\rc\r\r\nd\n.\ne\n..f\r\n.\r\n'), 'repair').content).toBe(
      'a\r\nb\r\nc\r\n\r\nd\r\n.\r\ne\r\n.f\r\n',
    );
  });

  it('has no NUL, repaired or not', () => {
    expect(read(cut('a\0b\r\n.\r\n'), 'repair').fault).toBe('nul');
    expect(read(cut('a\r\n.\r\nNOOP\0\r\n')).fault).toBeUndefined();
  });

  it('may be as large as allowed and no larger, dots of dot-stuffing not counted', () => {
    expect(read(cut('..abcdef\r\n.\r\n'), 'refuse', 9).content).toBe('.abcdef\r\n');
    expect(read(cut('..abcdefg\r\n.\r\nNOOP'), 'refuse', 9)).toEqual({
      content: '',
      fault: 'size',
      after: 'NOOP',
    });
  });

  it('has no line over the limit, however it is cut', () => {
    const line = 'x'.repeat(MAX_DATA_LINE);
    expect(read([Buffer.from(`${line}\r\n.\r\n`)], 'refuse', 1e7).fault).toBeUndefined();
    expect(read([Buffer.from(`${line}x\r\n.\r\n`)], 'refuse', 1e7).fault).toBe('line');
    expect(read([Buffer.from(line), Buffer.from('x\r\n.\r\n')], 'refuse', 1e7).fault).toBe('line');
  });
});

describe('every segmentation gives the same', () => {
  const samples = [
    'Subject: a\r\n\r\nbody\r\n..stuffed\r\n...\r\n.\r\nQUIT\r\n',
    '.\r\n.\r\nRSET\r\n',
    'a\n.\nMAIL FROM:<x>\r\n\r\n.\r\nNOOP\r\n',
    'a\r\n.\rb\r\n.\r\r\n..\r\n.\r\nX',
    '\r\n\r\n.\r\n',
    '..\r\n.\n.\r\n.\r\nX',
    'a\0\nb\rc\r\n.\r\n.\r\n',
  ];

  it.each(samples)('%j', (text) => {
    for (const lineEndings of ['refuse', 'repair'] as const) {
      const expected = model(text, lineEndings);
      expect(read(cut(text), lineEndings), 'whole').toEqual(expected);
      const octets = [...Buffer.from(text, 'latin1')].map((octet) => Buffer.from([octet]));
      expect(read(octets, lineEndings), 'octet by octet').toEqual(expected);
      for (let i = 1; i < text.length; i++) {
        expect(read(cut(text, i), lineEndings), `cut at ${i}`).toEqual(expected);
        for (let j = i + 1; j < text.length; j++) {
          expect(read(cut(text, i, j), lineEndings), `cut at ${i} and ${j}`).toEqual(expected);
        }
      }
    }
  });

  it('for 3000 random texts of the octets that matter', () => {
    let seed = 12345;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff;
      return (seed >>> 8) % below;
    };
    const parts = ['\r\n', '\r\n', '\r\n.\r\n', '\r', '\n', '.', '..', 'a', 'bc', '\0'];
    for (let round = 0; round < 3000; round++) {
      // Without NULs most of the time, or nearly every text would have that one fault.
      const usable = parts.length - (round % 4 === 0 ? 0 : 1);
      const text = Array.from({ length: 1 + random(14) }, () => parts[random(usable)]).join('');
      const lineEndings = round % 2 === 0 ? 'refuse' : 'repair';
      const maxSize = round % 5 === 0 ? 8 : 1e6;
      const cuts = [random(text.length + 1), random(text.length + 1)].sort((a, b) => a - b);
      const octets = [...Buffer.from(text, 'latin1')].map((octet) => Buffer.from([octet]));
      const ways = [cut(text), octets, cut(text, ...cuts)];
      const expected = model(text, lineEndings, maxSize);
      const results = ways.map((chunks) => read(chunks, lineEndings, maxSize));
      // The text goes along so that a failure shows it.
      expect({ text, cuts, results }).toEqual({ text, cuts, results: [expected, expected, expected] });
    }
  });
});
