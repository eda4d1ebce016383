import { describe, expect, it } from 'vitest';
import { backOffMs } from './retry.ts';

const policy = { firstMs: 60_000, maxMs: 3_600_000 };
const exactly = (failures: number) => backOffMs(failures, { ...policy, random: () => 0.5 });

describe('backOffMs', () => {
  it('doubles from the first wait up to the longest', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8].map(exactly)).toEqual([
      60_000, 120_000, 240_000, 480_000, 960_000, 1_920_000, 3_600_000, 3_600_000,
    ]);
  });

  it('stays at the longest after any number of failures', () => {
    expect(exactly(5000)).toBe(3_600_000);
  });

  it('takes a count below one for the first', () => {
    expect(exactly(0)).toBe(60_000);
  });

  it('varies by a fifth either way', () => {
    expect(backOffMs(1, { ...policy, random: () => 0 })).toBe(48_000);
    expect(backOffMs(1, { ...policy, random: () => 0.999_999 })).toBe(72_000);
  });
});
