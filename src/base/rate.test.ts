import { expect, it } from 'vitest';
import { Rate } from './rate.ts';

it('gives each so many a minute, evenly or at once', () => {
  let now = 0;
  const rate = new Rate(() => now);
  const taken = (who: string, tries: number): number =>
    Array.from({ length: tries }, () => rate.take(who, 60)).filter(Boolean).length;
  expect(taken('a', 100)).toBe(60);
  expect(taken('b', 100)).toBe(60);
  now += 999;
  expect(taken('a', 10)).toBe(0);
  now += 1;
  expect(taken('a', 10)).toBe(1);
  now += 10_000;
  expect(taken('a', 100)).toBe(10);
  now += 3_600_000;
  expect(taken('a', 100)).toBe(60);
});

it('gives many at a time, or none of them', () => {
  const rate = new Rate(() => 0);
  expect(rate.take('a', 100, { amount: 70 })).toBe(true);
  expect(rate.take('a', 100, { amount: 31 })).toBe(false);
  expect(rate.take('a', 100, { amount: 30 })).toBe(true);
  expect(rate.take('a', 100, { amount: 0 })).toBe(true);
});

it('gives nothing where nothing is granted', () => {
  const rate = new Rate(() => 0);
  expect(rate.take('a', 0)).toBe(false);
});
