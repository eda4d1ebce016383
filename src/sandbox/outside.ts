/** The guest of one thread as seen from outside: whether it waits for the answer of a capability, and how long it has waited. */
export class Outside {
  #waiting: { readonly abort: AbortController; readonly sinceMs: number } | undefined;
  #waitedMs = 0;

  /** The call asks for something. Aborted if the thread ends before the answer. */
  begin(): AbortSignal {
    const abort = new AbortController();
    this.#waiting = { abort, sinceMs: performance.now() };
    return abort.signal;
  }

  /** There is an answer to what `begin` was for; false if nobody waits for it any more. */
  end(signal: AbortSignal): boolean {
    if (this.#waiting?.abort.signal !== signal) return false;
    this.#waitedMs = this.waitedMs;
    this.#waiting = undefined;
    return true;
  }

  /** Milliseconds of this call that went by in waiting, so far. */
  get waitedMs(): number {
    const now = this.#waiting === undefined ? 0 : performance.now() - this.#waiting.sinceMs;
    return this.#waitedMs + now;
  }

  /** Milliseconds since it asked for what it now waits for; 0 if it waits for nothing. */
  get currentMs(): number {
    return this.#waiting === undefined ? 0 : performance.now() - this.#waiting.sinceMs;
  }

  /** The next call begins. */
  reset(): void {
    this.#waitedMs = 0;
  }

  /** The thread ends. */
  abort(): void {
    this.#waiting?.abort.abort();
    this.#waiting = undefined;
  }
}
