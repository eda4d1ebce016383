import { expect, test } from 'vitest';
import { suggest } from './suggest.ts';

const WORDS = ['port', 'protocol', 'domains', 'downstream', 'sessionsPerAddress'];

test.each([
  ['prot', 'port'],
  ['Port', 'port'],
  ['protcol', 'protocol'],
  ['domain', 'domains'],
  ['downstraem', 'downstream'],
  ['sessionsperadress', 'sessionsPerAddress'],
])('%s is near %s', (word, near) => {
  expect(suggest(word, WORDS)).toBe(`did you mean "${near}"?`);
});

test.each(['x', 'p', 'colour', 'address', '', 'port'.repeat(1000)])('%s is near none', (word) => {
  expect(suggest(word, WORDS)).toBe(`must be one of ${WORDS.join(', ')}`);
});

test('What is allowed is said also where it is little', () => {
  expect(suggest('x', ['local'])).toBe('must be local');
  expect(suggest('x', [])).toBe('there are none');
});
