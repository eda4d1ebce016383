import { expect, test } from 'vitest';
import { formatPath, formatProblem, quote, sortProblems } from './problem.ts';

const problem = (line: number, column: number, message = 'wrong') => ({
  file: 'postern.yaml',
  line,
  column,
  path: 'log.level',
  message,
});

test('A problem is one line: file, position, path, message', () => {
  expect(formatProblem(problem(12, 5))).toBe('postern.yaml:12:5 log.level: wrong');
  expect(formatProblem({ ...problem(3, 1), path: '' })).toBe('postern.yaml:3:1: wrong');
  expect(formatProblem({ ...problem(0, 0), path: '' })).toBe('postern.yaml: wrong');
});

test('Problems come in the order of the file, each once', () => {
  const sorted = sortProblems([
    problem(12, 5),
    problem(2, 9),
    problem(12, 5),
    problem(2, 3),
    problem(12, 5, 'bad'),
  ]);
  expect(sorted).toEqual([problem(2, 3), problem(2, 9), problem(12, 5), problem(12, 5, 'bad')]);
});

test('A path reads as one would write it', () => {
  expect(formatPath(['groups', 'inbound', 0, 'when', 'client', 12])).toBe(
    'groups.inbound[0].when.client[12]',
  );
  expect(formatPath([])).toBe('');
});

test('What is quoted from the file can neither flood nor steer a terminal, nor show the password of a URL', () => {
  expect(quote('a"b')).toBe('"a\\"b"');
  expect(quote('x'.repeat(1000))).toHaveLength(83);
  expect(quote('\u001b[2J\u009b\u202e\u2066\u061c\u007f\r\n')).toMatch(/^[ -~]+$/);
  expect(formatPath(['\u001b[31m'])).toMatch(/^[ -~]+$/);
  expect(quote('smtp://ann:hunter2@mail.example.org')).toBe('"smtp://***@mail.example.org"');
});
