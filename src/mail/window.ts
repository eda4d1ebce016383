import type { SyncByteSource } from '../base/spool.ts';

/** Octets read at once. */
const WINDOW_SIZE = 64 * 1024;

/**
 * A moving view of a source for scanners that go front to back: at most one window is in memory.
 * What a call returns is valid until the next call.
 */
export class Window {
  readonly size: number;
  readonly #source: SyncByteSource;
  #buffer: Buffer;
  #start = 0;
  #length = 0;

  constructor(source: SyncByteSource) {
    this.size = source.size;
    this.#source = source;
    this.#buffer = Buffer.allocUnsafe(Math.min(WINDOW_SIZE, source.size));
  }

  /** `length` octets from `offset`, fewer only at the end of the source. */
  bytes(offset: number, length: number): Buffer {
    this.#load(offset, length);
    return this.#buffer.subarray(offset - this.#start, Math.min(offset - this.#start + length, this.#length));
  }

  /** All octets from `offset` that are at hand: at least `atLeast`, fewer only at the end of the source. */
  rest(offset: number, atLeast: number): Buffer {
    this.#load(offset, atLeast);
    return this.#buffer.subarray(offset - this.#start, this.#length);
  }

  #load(offset: number, length: number): void {
    const end = Math.min(offset + length, this.size);
    if (offset >= this.#start && end <= this.#start + this.#length) return;
    if (end - offset > this.#buffer.length) this.#buffer = Buffer.allocUnsafe(end - offset);
    this.#start = offset;
    this.#length = 0;
    while (this.#start + this.#length < end) {
      const target = this.#buffer.subarray(this.#length);
      const count = this.#source.readInto(target, this.#start + this.#length);
      if (count === 0) throw new Error(`Cannot read a message: it ends before octet ${end}`);
      this.#length += count;
    }
  }
}
