/**
 * Durations in fixed memory (2 KiB): how many fell into each of 256 ranges, each a tenth longer than the one before. What
 * `quantile` tells lies in the middle of its range, so it is at most 5 % off. Ranges go from 1 µs to ten hours.
 */
export class Histogram {
  readonly #counts = new Float64Array(RANGES);
  #count = 0;
  #max = 0;

  /** All that is in any of these. */
  static of(parts: Iterable<Histogram>): Histogram {
    const all = new Histogram();
    for (const part of parts) {
      for (const [range, count] of part.#counts.entries()) all.#counts[range]! += count;
      all.#count += part.#count;
      all.#max = Math.max(all.#max, part.#max);
    }
    return all;
  }

  get count(): number {
    return this.#count;
  }

  /** The longest, to the microsecond; 0 if there is none. */
  get max(): number {
    return this.#max;
  }

  record(micros: number): void {
    const range = micros <= 1 ? 0 : Math.min(RANGES - 1, Math.ceil(Math.log(micros) / LOG_GROWTH));
    this.#counts[range]! += 1;
    this.#count += 1;
    this.#max = Math.max(this.#max, micros);
  }

  /** The microseconds that a share `q` (0 to 1) of the durations did not exceed; 0 if there is none. */
  quantile(q: number): number {
    const wanted = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (const [range, count] of this.#counts.entries()) {
      seen += count;
      if (seen >= wanted) return Math.min(this.#max, range === 0 ? 1 : GROWTH ** (range - 0.5));
    }
    return 0;
  }
}

const RANGES = 256;
const GROWTH = 1.1;
const LOG_GROWTH = Math.log(GROWTH);
