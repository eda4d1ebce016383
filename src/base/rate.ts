/**
 * So many in a time, a minute unless it is said: what has not been used gathers, up to one such time's worth, so a burst is as good as an
 * even flow.
 */
export class Rate {
  readonly #nowMs: () => number;
  readonly #windowMs: number;
  readonly #buckets = new Map<string, { left: number; atMs: number }>();

  constructor(nowMs: () => number = () => performance.now(), windowMs = 60_000) {
    this.#nowMs = nowMs;
    this.#windowMs = windowMs;
  }

  /** Takes one, or `amount`; false, and nothing is taken, if there are not as many. */
  take(who: string, most: number, { amount = 1 }: { amount?: number } = {}): boolean {
    const now = this.#nowMs();
    const bucket = this.#buckets.get(who) ?? { left: most, atMs: now };
    // Those not asked about for longest come first.
    this.#buckets.delete(who);
    this.#buckets.set(who, bucket);
    this.#forgetOne();
    bucket.left = Math.min(most, bucket.left + ((now - bucket.atMs) / this.#windowMs) * most);
    bucket.atMs = now;
    if (bucket.left < amount) return false;
    bucket.left -= amount;
    return true;
  }

  /** Strangers choose the names. */
  #forgetOne(): void {
    if (this.#buckets.size <= MOST_BUCKETS) return;
    for (const oldest of this.#buckets.keys()) {
      this.#buckets.delete(oldest);
      return;
    }
  }
}

const MOST_BUCKETS = 10_000;
