import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Litter } from './litter.ts';

const MIB = 1024 * 1024;

describe('Litter', () => {
  const collect = vi.fn<() => void>();
  let litter: Litter;
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    collect.mockClear();
    litter = new Litter(collect);
  });
  afterEach(() => vi.useRealTimers());

  it('is cleared up once, when nothing has been added for a moment', () => {
    litter.add(20 * MIB);
    for (let count = 0; count < 10; count++) {
      vi.advanceTimersByTime(150);
      litter.add(20 * MIB);
    }
    expect(collect).not.toHaveBeenCalled();
    vi.advanceTimersByTime(10_000);
    expect(collect).toHaveBeenCalledTimes(1);
  });

  it('is left where it is little, and adds up', () => {
    for (let count = 0; count < 15; count++) litter.add(MIB);
    vi.advanceTimersByTime(10_000);
    expect(collect).not.toHaveBeenCalled();
    litter.add(MIB);
    vi.advanceTimersByTime(10_000);
    expect(collect).toHaveBeenCalledTimes(1);
    // It begins anew.
    litter.add(MIB);
    vi.advanceTimersByTime(10_000);
    expect(collect).toHaveBeenCalledTimes(1);
  });

  it('collects for real', async () => {
    const thing = (): WeakRef<object> => new WeakRef({});
    const gone = thing();
    // What a WeakRef was made of lives to the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    new Litter().add(20 * MIB);
    vi.advanceTimersByTime(10_000);
    expect(gone.deref()).toBeUndefined();
  });
});
