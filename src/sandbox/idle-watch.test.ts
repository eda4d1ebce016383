import { describe, expect, it } from 'vitest';
import { IdleWatch } from './idle-watch.ts';

describe('IdleWatch', () => {
  const look = (...seen: readonly (readonly [workMs: number, cpuMs: number])[]): boolean[] => {
    const watch = new IdleWatch();
    return seen.map(([workMs, cpuMs]) => watch.look({ workMs, cpuMs }));
  };
  const never = [false, false, false, false, false];

  it('lets what rests rest, and what is called work', () => {
    expect(look([0, 9000], [0, 9000], [0, 9010], [0, 9020], [0, 9030])).toEqual(never);
    const busy = [0, 1, 2, 3, 4].map((time) => [time * 9000, time * 18_000] as const);
    expect(look(...busy)).toEqual(never);
  });

  it('bears with two looks at work that nobody asked for, and not with three', () => {
    expect(look([0, 0], [0, 6000], [0, 12_000], [0, 12_100], [0, 18_000])).toEqual(never);
    expect(look([0, 0], [0, 6000], [0, 12_000], [0, 18_000])).toEqual([false, false, false, true]);
  });

  it('is not put off by calls in between', () => {
    const burning = [0, 1, 2, 3].map((time) => [time * 500, time * 10_000] as const);
    expect(look(...burning)).toEqual([false, false, false, true]);
  });
});
