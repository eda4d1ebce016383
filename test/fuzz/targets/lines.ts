import assert from 'node:assert/strict';
import { LineReader, type LineOptions } from '../../../src/smtp/server-lines.ts';
import { chunkings, latin1 } from '../octets.ts';
import type { Target } from '../target.ts';

const MAX_LENGTH = 64;
const BOTH: readonly LineOptions[] = [
  { maxLength: MAX_LENGTH, lineEndings: 'refuse' },
  { maxLength: MAX_LENGTH, lineEndings: 'repair' },
];

/** What the reader makes of chunks: lines as text, faults as undefined. */
function read(chunks: readonly Buffer[], options: LineOptions): (string | undefined)[] {
  const reader = new LineReader(options);
  const found: (string | undefined)[] = [];
  for (const chunk of chunks) {
    let rest = chunk;
    while (rest.length > 0) {
      const { line, consumed } = reader.next(rest);
      assert.ok(consumed > 0, 'it goes on');
      assert.ok(reader.pending <= MAX_LENGTH, 'no more is held than a line may have');
      if (line !== undefined) found.push(line.kind === 'line' ? latin1(line.octets) : undefined);
      rest = rest.subarray(consumed);
    }
  }
  return found;
}

/** The same by the shortest way to say it, from all octets at once. */
function expected(text: string, { lineEndings }: LineOptions): (string | undefined)[] {
  const pieces = text.split(lineEndings === 'repair' ? /\r?\n/ : /\r\n/);
  const open = pieces.pop()!;
  const ends = text.match(lineEndings === 'repair' ? /\r?\n/g : /\r\n/g) ?? [];
  const found = pieces.map((line, index) => {
    const isLong = line.length + ends[index]!.length > MAX_LENGTH;
    return isLong || /[\r\n\0]/.test(line) ? undefined : line;
  });
  const isFault = open.length > MAX_LENGTH || /\0|\n|\r(?!$)/.test(open);
  return isFault ? [...found, undefined] : found;
}

/** `smtp/server-lines.ts`: command lines. */
export const lines: Target = {
  name: 'lines',
  words: [
    '\r\n',
    '\n',
    '\r',
    '\0',
    '\r\r\n',
    'MAIL FROM:<',
    'x'.repeat(MAX_LENGTH - 2),
    'x'.repeat(MAX_LENGTH),
  ],
  properties: {
    'lines are those between line ends, whatever the chunks; what is no line is told once'(octets) {
      for (const options of BOTH) {
        const wanted = expected(latin1(octets), options);
        for (const chunks of chunkings(octets)) assert.deepEqual(read(chunks, options), wanted);
      }
    },
  },
};
