/** Answers of servers for as long as they hold, bounded in entries and octets: what was used longest ago goes first. */
export interface Cached<Answer> {
  readonly answer: Answer;
  /** Seconds that are left of it, rounded up. */
  readonly ttl: number;
}

interface Entry<Answer> {
  readonly answer: Answer;
  readonly untilMs: number;
  readonly octets: number;
}

const ENTRIES = 10_000;
const OCTETS = 8 * 1024 * 1024;
/** About what an entry needs besides its text. */
const ENTRY_OCTETS = 200;

export class AnswerCache<Answer> {
  readonly #nowMs: () => number;
  readonly #limits: { readonly entries: number; readonly octets: number };
  /** In the order of their last use. */
  readonly #entries = new Map<string, Entry<Answer>>();
  #octets = 0;

  constructor(nowMs: () => number = () => performance.now(), limits = { entries: ENTRIES, octets: OCTETS }) {
    this.#nowMs = nowMs;
    this.#limits = limits;
  }

  get(key: string): Cached<Answer> | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    const leftMs = entry.untilMs - this.#nowMs();
    this.#remove(key, entry);
    if (leftMs <= 0) return undefined;
    this.#add(key, entry);
    return { answer: entry.answer, ttl: Math.ceil(leftMs / 1000) };
  }

  put(key: string, { answer, ttl }: Cached<Answer>): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#remove(key, before);
    if (ttl <= 0) return;
    const octets = ENTRY_OCTETS + 2 * (key.length + JSON.stringify(answer).length);
    if (octets > this.#limits.octets) return;
    this.#add(key, { answer, untilMs: this.#nowMs() + ttl * 1000, octets });
    for (const [oldest, entry] of this.#entries) {
      if (this.#entries.size <= this.#limits.entries && this.#octets <= this.#limits.octets) return;
      this.#remove(oldest, entry);
    }
  }

  #add(key: string, entry: Entry<Answer>): void {
    this.#entries.set(key, entry);
    this.#octets += entry.octets;
  }

  #remove(key: string, { octets }: Entry<Answer>): void {
    this.#entries.delete(key);
    this.#octets -= octets;
  }
}
