/**
 * A timer that is set again and again, mostly for the same time, and hardly ever rings: setting it anew costs a fraction of
 * what a new timer does. It does not keep the process alive.
 */
export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  #ms = 0;
  #on = false;

  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /** Rings `ms` milliseconds from now, and not at any time set before. */
  set(ms: number): void {
    this.#on = true;
    if (this.#timer !== undefined && this.#ms === ms) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#ms = ms;
    this.#timer = setTimeout(() => {
      if (!this.#on) return;
      this.#on = false;
      this.#ring();
    }, ms).unref();
  }

  /** Does not ring. The timer beneath goes on, for the next time. */
  unset(): void {
    this.#on = false;
  }

  /** Does not ring, and leaves nothing behind. */
  clear(): void {
    this.#on = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
