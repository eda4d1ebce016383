import { describe, expect, test } from 'vitest';
import { diffLines, unified } from './diff.ts';

const of = (text: string): string[] => (text === '' ? [] : text.split(' '));
const shown = (before: string, after: string): string =>
  diffLines(of(before), of(after))
    .map(({ sign, text }) => `${sign}${text}`)
    .join(' ')
    .replaceAll('  ', ' ');

describe('the difference of lists of lines', () => {
  test.each([
    ['', '', ''],
    ['a', 'a', ' a'],
    ['', 'a b', '+a +b'],
    ['a b', '', '-a -b'],
    ['a b c', 'a c', ' a -b c'],
    ['a c', 'a b c', ' a +b c'],
    ['a b c', 'x y z', '-a -b -c +x +y +z'],
    ['a a a', 'a a', ' a a -a'],
  ])('%j to %j', (before, after, difference) => {
    expect(shown(before, after)).toBe(difference);
  });

  test('gives both lists back, and no longer a way than needed, for any two', () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % below;
    };
    const list = (): string[] => Array.from({ length: random(12) }, () => 'abc'[random(3)]!);
    for (let round = 0; round < 500; round++) {
      const [before, after] = [list(), list()];
      const lines = diffLines(before, after);
      expect(lines.filter(({ sign }) => sign !== '+').map(({ text }) => text)).toEqual(before);
      expect(lines.filter(({ sign }) => sign !== '-').map(({ text }) => text)).toEqual(after);
      expect(lines.filter(({ sign }) => sign === ' ')).toHaveLength(commonLength(before, after));
    }
  });

  test('past its bound still gives both lists back', () => {
    const before = Array.from({ length: 5000 }, (_, at) => `b${at}`);
    const after = Array.from({ length: 5000 }, (_, at) => `a${at}`);
    const lines = diffLines(before, after);
    expect(lines.filter(({ sign }) => sign === '-').map(({ text }) => text)).toEqual(before);
    expect(lines.filter(({ sign }) => sign === '+').map(({ text }) => text)).toEqual(after);
  });
});

test('unified hunks say where they are, with three lines around', () => {
  const before = of('1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16');
  const after = before.map((line) => (line === '2' ? 'two' : line)).concat('17');
  expect(unified(diffLines(before, after))).toEqual([
    '@@ -1 +1 @@',
    ' 1',
    '-2',
    '+two',
    ' 3',
    ' 4',
    ' 5',
    '@@ -14 +14 @@',
    ' 14',
    ' 15',
    ' 16',
    '+17',
  ]);
  expect(unified(diffLines(before, before))).toEqual([]);
});

/** The longest common subsequence by dynamic programming: the measure for the other way to find it. */
function commonLength(first: readonly string[], second: readonly string[]): number {
  let row = Array.from({ length: second.length + 1 }, () => 0);
  for (const one of first) {
    const next = [0];
    for (const [at, other] of second.entries()) {
      next.push(one === other ? row[at]! + 1 : Math.max(row[at + 1]!, next[at]!));
    }
    row = next;
  }
  return row.at(-1)!;
}
