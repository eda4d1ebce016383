import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { collectWhenIdle, type Heap } from './idle-collection.ts';

const MIB = 1024 * 1024;
/** Longer than two looks. */
const MOMENT_MS = 1100;

describe('collectWhenIdle', () => {
  let busy = 0;
  let used = 0;
  /** What is left after a collection. */
  let live = 0;
  const collect = vi.fn<() => void>(() => (used = live));
  const heap: Heap = { busy: () => busy, used: () => used, collect };
  let end: () => void;

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    collect.mockClear();
    busy = 0;
    used = live = 25 * MIB;
    end = collectWhenIdle(heap);
  });
  afterEach(() => {
    end();
    vi.useRealTimers();
  });

  it('waits until there is little to do, and collects once', () => {
    used = 70 * MIB;
    busy = 0.5;
    vi.advanceTimersByTime(10_000);
    expect(collect).not.toHaveBeenCalled();
    busy = 0.01;
    vi.advanceTimersByTime(10_000);
    expect(collect).toHaveBeenCalledTimes(1);
  });

  it('leaves little where it is, which adds up', () => {
    used += 10 * MIB;
    vi.advanceTimersByTime(MOMENT_MS);
    expect(collect).not.toHaveBeenCalled();
    used += 10 * MIB;
    vi.advanceTimersByTime(MOMENT_MS);
    expect(collect).toHaveBeenCalledTimes(1);
  });

  it('takes what is in use for no garbage, however much that is', () => {
    used = live = 100 * MIB;
    vi.advanceTimersByTime(10_000);
    expect(collect).toHaveBeenCalledTimes(1);
    used += 10 * MIB;
    vi.advanceTimersByTime(10_000);
    expect(collect).toHaveBeenCalledTimes(1);
    // V8 has collected by itself: from there it counts anew.
    used = 30 * MIB;
    vi.advanceTimersByTime(MOMENT_MS);
    used = 50 * MIB;
    vi.advanceTimersByTime(MOMENT_MS);
    expect(collect).toHaveBeenCalledTimes(2);
  });

  it('ends', () => {
    end();
    used = 100 * MIB;
    vi.advanceTimersByTime(10_000);
    expect(collect).not.toHaveBeenCalled();
  });
});

it('collects for real', async () => {
  const thing = (): WeakRef<object> => new WeakRef({});
  const gone = thing();
  const end = collectWhenIdle();
  const garbage = new Uint8Array(32 * MIB);
  try {
    // Not the thing itself: what an assertion has compared, it keeps.
    await expect.poll(() => gone.deref() === undefined, { timeout: 20_000, interval: 700 }).toBe(true);
    expect(garbage).toHaveLength(32 * MIB);
  } finally {
    end();
  }
});
