import { afterEach, describe, expect, it, vi } from 'vitest';
import { newId } from './ids.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('newId', () => {
  it('is 18 characters that are safe everywhere, never the same twice', () => {
    const ids = Array.from({ length: 20_000 }, newId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{18}$/);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('sorts by time, and within a millisecond by order', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const ids: string[] = [];
    for (const time of ['2001-09-09', '2026-08-09', '2026-08-09T00:00:00.001Z', '2500-01-01']) {
      vi.setSystemTime(new Date(time));
      for (let i = 0; i < 1000; i++) ids.push(newId());
    }
    expect(ids.toSorted()).toEqual(ids);
  });
});
