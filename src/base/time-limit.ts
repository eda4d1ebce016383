/**
 * Runs `work` with a signal that aborts `ms` milliseconds from now, or as soon as `signal` does; nothing is left of it when the work has ended.
 * The work itself must heed the signal. Its reason is a TimeLimitError, or that of `signal`.
 *
 * Not `AbortSignal.any` with `AbortSignal.timeout`: in Node 20 nothing holds such a timeout, and once garbage was collected the signal
 * never aborts.
 */
export async function withTimeLimit<T>(
  { ms, signal }: { ms: number; signal?: AbortSignal },
  work: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const stop = (): void => limit.abort(signal?.reason);
  const late = (): void => limit.abort(new TimeLimitError(`No result within ${ms} ms`));
  const timer = setTimeout(late, ms);
  if (signal?.aborted === true) stop();
  else signal?.addEventListener('abort', stop);
  try {
    return await work(limit.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', stop);
  }
}

export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
}
