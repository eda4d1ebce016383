import { collector } from '../base/collector.ts';

/** Octets of memory of instances that are not needed any more. Few filters need more than some hundred KiB. */
const MUCH = 16 * 1024 * 1024;
/** So long must nothing have been thrown away before it is cleared up. */
const QUIET_MS = 200;

/**
 * Gives the memory of large instances back. V8 frees what is thrown away when it collects garbage, which it does where things are
 * made: a thread that has nothing to do after a plugin filled its memory would keep that for ever. So it is told to, once, when nothing
 * has happened for a moment; it takes some milliseconds.
 */
export class Litter {
  readonly #collect: () => void;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(collect: () => void = collector()) {
    this.#collect = collect;
  }

  /** An instance with a memory of so many octets has been thrown away. */
  add(bytes: number): void {
    this.#bytes += bytes;
    if (this.#timer !== undefined) this.#timer.refresh();
    else if (this.#bytes >= MUCH) this.#timer = setTimeout(() => this.#clear(), QUIET_MS).unref();
  }

  #clear(): void {
    this.#timer = undefined;
    this.#bytes = 0;
    this.#collect();
  }
}
