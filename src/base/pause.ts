import { setTimeout as sleep } from 'node:timers/promises';

/** Waits so many milliseconds, or until the signal is aborted, which is no error: whoever waits looks at it next. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (thrown) {
    if (!signal.aborted) throw thrown;
  }
}
