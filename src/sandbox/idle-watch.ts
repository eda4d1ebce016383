/**
 * Finds a process that works more than it is asked to. A deadline ends what computes during a call; but code that has taken a process
 * over could go on between the calls, and beside them, in threads of the engine. The engine has work of its own in those, compiling
 * and collecting garbage, which goes with the calls or comes to an end: so it is more than that, at several looks in a row.
 */
export const LOOK_EVERY_MS = 10_000;

/** CPU time that the engine may use between two looks beside that of the calls, which may have a second thread for themselves. */
const ENGINE_MS = 2000;
const THREADS_IN_CALLS = 2;
const LOOKS = 3;

export interface WorkSeen {
  /** Wall time that all its work has taken so far: calls, and instances made ahead of them. */
  readonly workMs: number;
  /** CPU time that all its threads have used so far. */
  readonly cpuMs: number;
}

export class IdleWatch {
  #last: WorkSeen | undefined;
  #looksOver = 0;

  /** Told each LOOK_EVERY_MS what has been seen; true if the process must go. */
  look(now: WorkSeen): boolean {
    const last = this.#last ?? now;
    this.#last = now;
    const allowedMs = THREADS_IN_CALLS * (now.workMs - last.workMs) + ENGINE_MS;
    this.#looksOver = now.cpuMs - last.cpuMs > allowedMs ? this.#looksOver + 1 : 0;
    return this.#looksOver >= LOOKS;
  }
}
