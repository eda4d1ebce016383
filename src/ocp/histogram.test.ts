import { describe, expect, it } from 'vitest';
import { Histogram } from './histogram.ts';

/** A generator of numbers from 0 to 1, the same at every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
}

const exact = (sorted: readonly number[], q: number): number =>
  sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!;

describe('a histogram', () => {
  it('tells every quantile to within 5 %, whatever the durations are', () => {
    const next = random(7);
    for (const spread of [0.1, 1, 3, 8]) {
      const durations = Array.from({ length: 5000 }, () => Math.round(50 * Math.exp(next() * spread * 2)));
      const histogram = new Histogram();
      for (const micros of durations) histogram.record(micros);
      const sorted = durations.toSorted((a, b) => a - b);
      for (const q of [0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]) {
        const [told, truth] = [histogram.quantile(q), exact(sorted, q)];
        expect(Math.abs(told - truth) / truth, `q ${q}, spread ${spread}`).toBeLessThanOrEqual(0.05);
      }
      expect(histogram.max).toBe(sorted.at(-1));
    }
  });

  it('takes what is shorter or longer than its ranges', () => {
    const histogram = new Histogram();
    for (const micros of [0, 0.4, 1]) histogram.record(micros);
    expect([histogram.quantile(0.5), histogram.max]).toEqual([1, 1]);
    histogram.record(1e12);
    expect(histogram.count).toBe(4);
    expect(histogram.max).toBe(1e12);
    expect(histogram.quantile(1)).toBeGreaterThan(3e10);
  });

  it('tells 0 of nothing', () => {
    const histogram = new Histogram();
    expect([histogram.count, histogram.max, histogram.quantile(0.5)]).toEqual([0, 0, 0]);
  });

  it('adds up to one with others', () => {
    const parts = [10, 1000].map((micros) => {
      const part = new Histogram();
      for (let count = 0; count < 10; count++) part.record(micros);
      return part;
    });
    const all = Histogram.of(parts);
    expect([all.count, all.max]).toEqual([20, 1000]);
    expect(all.quantile(0.5) / 10).toBeCloseTo(1, 1);
    expect(all.quantile(0.51) / 1000).toBeCloseTo(1, 1);
  });
});
