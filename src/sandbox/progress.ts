/**
 * A few octets that a worker thread writes and the main thread reads: which service of its task is at work, and since when.
 * A thread that spins answers no message, but this can always be read.
 */
export class Progress {
  readonly shared: SharedArrayBuffer;
  readonly #index: Int32Array;
  readonly #since: Float64Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(16)) {
    this.shared = shared;
    this.#index = new Int32Array(shared, 0, 1);
    this.#since = new Float64Array(shared, 8, 1);
  }

  /** Written by the pool with each task, before the worker has it. */
  reset(): void {
    Atomics.store(this.#index, 0, NOT_STARTED);
  }

  /** Written by the worker: it begins with the service at this index of its task. */
  begin(index: number): void {
    this.#since[0] = monotonicMs();
    Atomics.store(this.#index, 0, index);
  }

  /** Read by the pool: undefined while the worker has not begun. */
  current(): { index: number; elapsedMs: number } | undefined {
    const index = Atomics.load(this.#index, 0);
    if (index === NOT_STARTED) return undefined;
    return { index, elapsedMs: monotonicMs() - this.#since[0]! };
  }
}

const NOT_STARTED = -1;

/** Milliseconds on a clock that all threads of the process share; `performance.now` counts from each thread's start. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
