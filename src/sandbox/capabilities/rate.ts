/**
 * So many a minute: what has not been used gathers, up to one minute's worth, so a burst is as good as an even flow.
 */
export class Rate {
  readonly #nowMs: () => number;
  readonly #buckets = new Map<string, { left: number; atMs: number }>();

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Takes one, or `amount`; false, and nothing is taken, if there are not as many. */
  take(who: string, perMinute: number, { amount = 1 }: { amount?: number } = {}): boolean {
    const now = this.#nowMs();
    const bucket = this.#buckets.get(who) ?? { left: perMinute, atMs: now };
    this.#buckets.set(who, bucket);
    bucket.left = Math.min(perMinute, bucket.left + ((now - bucket.atMs) / 60_000) * perMinute);
    bucket.atMs = now;
    if (bucket.left < amount) return false;
    bucket.left -= amount;
    return true;
  }
}
