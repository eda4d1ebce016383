import { describe, expect, it } from 'vitest';
import { IdleWatch } from './idle-watch.ts';

describe('IdleWatch', () => {
  const look = (...seen: readonly (readonly [calls: number, cpuMs: number])[]): boolean[] => {
    const watch = new IdleWatch();
    return seen.map(([calls, cpuMs]) => watch.look({ calls, cpuMs }));
  };

  it('lets what rests rest, and what is called work', () => {
    expect(look([0, 900], [0, 900], [0, 910], [0, 920])).toEqual([false, false, false, false]);
    expect(look([1, 0], [2, 10_000], [3, 20_000], [4, 30_000])).toEqual([false, false, false, false]);
  });

  it('bears with one look at work, and not with two', () => {
    expect(look([1, 0], [1, 6000], [1, 6100], [1, 12_000])).toEqual([false, false, false, false]);
    expect(look([1, 0], [1, 6000], [1, 12_000])).toEqual([false, false, true]);
  });

  it('begins anew with each call', () => {
    expect(look([1, 0], [1, 6000], [2, 12_000], [2, 18_000])).toEqual([false, false, false, false]);
  });
});
