/** Octets of state that one service may keep, keys included (`sdk/ABI.md`). */
export const STATE_LIMIT = 64 * 1024;

type Values = Readonly<Record<string, Uint8Array>>;

/**
 * The state of one service during one call: what was there and what the call sets. Only a call that succeeds keeps what
 * it set.
 */
export class StateDraft {
  readonly #before: Values;
  #values: Map<string, Uint8Array> | undefined;
  #size = 0;

  constructor(before: Values | undefined) {
    this.#before = before ?? {};
  }

  get(key: string): Uint8Array | undefined {
    if (this.#values !== undefined) return this.#values.get(key);
    return Object.hasOwn(this.#before, key) ? this.#before[key] : undefined;
  }

  /** Keeps a copy of `value`; false if that would pass the limit. */
  set(key: string, value: Uint8Array): boolean {
    const values = this.#open();
    const before = values.get(key);
    const size = this.#size + (before === undefined ? sizeOf(key) : -before.length) + value.length;
    if (size > STATE_LIMIT) return false;
    values.set(key, new Uint8Array(value));
    this.#size = size;
    return true;
  }

  /** All values if any was set, else undefined: nothing to carry over. */
  get changed(): Values | undefined {
    return this.#values === undefined ? undefined : Object.fromEntries(this.#values);
  }

  #open(): Map<string, Uint8Array> {
    if (this.#values === undefined) {
      this.#values = new Map(Object.entries(this.#before));
      for (const [key, value] of this.#values) this.#size += sizeOf(key) + value.length;
    }
    return this.#values;
  }
}

const sizeOf = (key: string): number => Buffer.byteLength(key);
