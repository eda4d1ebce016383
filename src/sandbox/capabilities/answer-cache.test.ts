import { expect, it } from 'vitest';
import { AnswerCache } from './answer-cache.ts';

it('keeps an answer for as long as it holds, and says how long that still is', () => {
  let nowMs = 1000;
  const cache = new AnswerCache<string>(() => nowMs);
  cache.put('a', { answer: 'x', ttl: 10 });
  cache.put('never', { answer: 'x', ttl: 0 });
  expect(cache.get('a')).toEqual({ answer: 'x', ttl: 10 });
  expect(cache.get('never')).toBeUndefined();
  nowMs += 9500;
  expect(cache.get('a')).toEqual({ answer: 'x', ttl: 1 });
  nowMs += 500;
  expect(cache.get('a')).toBeUndefined();
});

it('lets go of what was used longest ago where there are too many, or too many octets', () => {
  const few = new AnswerCache<string>(() => 0, { entries: 3, octets: 1_000_000 });
  for (const key of ['a', 'b', 'c']) few.put(key, { answer: key, ttl: 1 });
  few.get('a');
  few.put('d', { answer: 'd', ttl: 1 });
  expect(['a', 'b', 'c', 'd'].map((key) => few.get(key)?.answer)).toEqual(['a', undefined, 'c', 'd']);

  const small = new AnswerCache<string>(() => 0, { entries: 1000, octets: 3000 });
  small.put('a', { answer: 'x'.repeat(1000), ttl: 1 });
  small.put('huge', { answer: 'x'.repeat(5000), ttl: 1 });
  expect(small.get('huge')).toBeUndefined();
  expect(small.get('a')).toBeDefined();
  small.put('b', { answer: 'x'.repeat(1000), ttl: 1 });
  expect(small.get('a')).toBeUndefined();
  // Taking the place of itself counts once.
  for (let i = 0; i < 10; i++) small.put('b', { answer: 'x'.repeat(1000), ttl: 1 });
  expect(small.get('b')).toBeDefined();
});
