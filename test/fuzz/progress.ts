/**
 * What is being run, in memory that outlives the thread: it is written there before each run, so whoever ends a thread that hangs, or
 * finds it dead, has the input.
 */
const HEAD = 2;
const ROOM = 256 * 1024;

export class Progress {
  readonly shared: SharedArrayBuffer;
  readonly #head: Int32Array;
  readonly #octets: Uint8Array;

  constructor(shared = new SharedArrayBuffer(HEAD * 4 + ROOM)) {
    this.shared = shared;
    this.#head = new Int32Array(shared, 0, HEAD);
    this.#octets = new Uint8Array(shared, HEAD * 4);
  }

  begin(octets: Uint8Array): void {
    if (octets.length > ROOM)
      throw new Error(`Cannot run an input of ${octets.length} octets, at most ${ROOM}`);
    this.#octets.set(octets);
    Atomics.store(this.#head, 1, octets.length);
    this.tick();
  }

  tick(): void {
    Atomics.add(this.#head, 0, 1);
  }

  /** Changes with every step. */
  get step(): number {
    return Atomics.load(this.#head, 0);
  }

  /** What is being run. */
  get octets(): Buffer {
    return Buffer.from(this.#octets.slice(0, Atomics.load(this.#head, 1)));
  }
}
