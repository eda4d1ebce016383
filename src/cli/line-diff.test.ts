import { expect, it } from 'vitest';
import { lineDiff } from './line-diff.ts';

const shown = (before: string, after: string): string[] =>
  lineDiff(before, after).map(({ sign, line, text }) => `${line}${sign}${text}`);

it.each<[string, string, string, string[]]>([
  ['nothing', 'a\nb\n', 'a\nb\n', []],
  ['a line that is new', 'a\nb\n', 'a\nx\nb\n', ['1+x']],
  ['a line at the top', 'a\n', 'x\na\n', ['0+x']],
  ['a line at the end, without a last line end', 'a', 'a\nx', ['1+x']],
  ['a line that is gone', 'a\nb\nc\n', 'a\nc\n', ['2-b']],
  ['a line that is another', 'a\nb\nc\n', 'a\nx\nc\n', ['2-b', '2+x']],
  ['two places far apart', 'a\nb\nc\nd\ne\n', 'a\nx\nb\nc\nd\ny\n', ['1+x', '5-e', '5+y']],
  ['lines of CRLF', 'a\r\nb\r\n', 'a\r\nx\r\n', ['2-b', '2+x']],
])('shows %s', (_name, before, after, lines) => {
  expect(shown(before, after)).toEqual(lines);
});

it('shows texts too long to compare as changed altogether between what is the same', () => {
  const lines = (prefix: string): string => Array.from({ length: 3000 }, (_, i) => prefix + i).join('\n');
  const diff = lineDiff(`a\n${lines('x')}\nz\n`, `a\n${lines('y')}\nz\n`);
  expect(diff).toHaveLength(6000);
  expect(diff[0]).toEqual({ sign: '-', line: 2, text: 'x0' });
});
