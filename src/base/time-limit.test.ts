import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { withTimeLimit } from './time-limit.ts';

/** Waits until it is told not to. */
const waiting = (limit: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    const stop = (): void => reject(limit.reason as Error);
    if (limit.aborted) stop();
    else limit.addEventListener('abort', stop);
  });

afterEach(() => {
  vi.useRealTimers();
});

describe('withTimeLimit', () => {
  it('passes on what comes of the work, and leaves nothing behind', async () => {
    vi.useFakeTimers();
    const { signal } = new AbortController();
    const removed = vi.spyOn(signal, 'removeEventListener');
    expect(await withTimeLimit({ ms: 1000, signal }, () => Promise.resolve('done'))).toBe('done');
    const failing = withTimeLimit({ ms: 1000, signal }, () => Promise.reject(new Error('broken')));
    await expect(failing).rejects.toThrow('broken');
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledTimes(2);
  });

  it('ends the work past the time, not before', async () => {
    vi.useFakeTimers();
    const settled = vi.fn<(error: unknown) => void>();
    const ended = withTimeLimit({ ms: 1000 }, waiting).catch(settled);
    await vi.advanceTimersByTimeAsync(999);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    await ended;
    expect(settled.mock.calls[0]?.[0]).toMatchObject({
      name: 'TimeLimitError',
      message: 'No result within 1000 ms',
    });
  });

  it('ends the work when whoever waits for it gives up, also if that was before', async () => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const ended = withTimeLimit({ ms: 60_000, signal: abort.signal }, waiting);
    abort.abort(reason);
    await expect(ended).rejects.toBe(reason);
    await expect(withTimeLimit({ ms: 60_000, signal: abort.signal }, waiting)).rejects.toBe(reason);
  });

  it('ends the work also where garbage is collected meanwhile', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const { signal } = new AbortController();
    const collecting = setInterval(collect, 20);
    try {
      await expect(withTimeLimit({ ms: 300, signal }, waiting)).rejects.toThrow('No result within 300 ms');
    } finally {
      clearInterval(collecting);
    }
  });
});
