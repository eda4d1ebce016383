import { HOST_BLOCKS } from './blocks.ts';
import type { GuestService, Instance } from './instances.ts';

/** An instance that takes longer to make is worth making ahead. AssemblyScript, C and Rust take 50 µs, Go 3 to 6 ms. */
const SLOW_MS = 1;
/** What may wait in one thread, made ahead of need: instances, and octets of their memory together. */
const AHEAD_COUNT = 16;
const AHEAD_BYTES = 64 * 1024 * 1024;

/**
 * The instances of one thread that wait for the next call of their service, at most one for each service: those that were made ahead
 * of need because making them is slow, and those that may answer further calls (`callsPerInstance`). A service whose instance found
 * no room here is not prepared again.
 */
export class Stock {
  readonly #waiting = new Map<GuestService, Instance>();
  /** The least that making an instance took, in ms: what else the machine did at the time only adds to it. */
  readonly #leastMs = new Map<GuestService, number>();
  /** Services that take long, and that there was room for. */
  readonly #slow = new Set<GuestService>();
  readonly #roomless = new Set<GuestService>();

  take(service: GuestService): Instance | undefined {
    const instance = this.#waiting.get(service);
    if (instance !== undefined) this.#waiting.delete(service);
    return instance;
  }

  /**
   * Keeps an instance that has answered well, if it may answer more. One that has filled half of its memory goes, since most filters
   * never free any; so does one that has used up its addresses. False if it goes.
   */
  keep(service: GuestService, instance: Instance): boolean {
    const { callsPerInstance, limits } = service;
    const isFull =
      bytesOf(instance) > (limits.memoryMiB * 1024 * 1024) / 2 || instance.nextBlock > HOST_BLOCKS;
    if (instance.calls >= callsPerInstance || isFull) return false;
    this.#waiting.set(service, instance);
    return true;
  }

  discard(service: GuestService): void {
    this.#waiting.delete(service);
  }

  /** Puts an instance in stock that was made ahead. */
  put(service: GuestService, instance: Instance): void {
    const fresh = this.#fresh();
    const bytes = fresh.reduce((sum, other) => sum + bytesOf(other), bytesOf(instance));
    if (fresh.length < AHEAD_COUNT && bytes <= AHEAD_BYTES) {
      this.#waiting.set(service, instance);
    } else {
      this.#roomless.add(service);
      this.#slow.delete(service);
    }
  }

  /** Takes note of how long it took to make an instance. */
  measure(service: GuestService, ms: number): void {
    const least = Math.min(ms, this.#leastMs.get(service) ?? ms);
    this.#leastMs.set(service, least);
    if (least >= SLOW_MS && !this.#roomless.has(service)) this.#slow.add(service);
    else this.#slow.delete(service);
  }

  /** The services that are slow to start and have no instance waiting. */
  get lacking(): readonly GuestService[] {
    return this.#slow.size === 0 ? NONE : [...this.#slow].filter((service) => !this.#waiting.has(service));
  }

  #fresh(): Instance[] {
    return [...this.#waiting.values()].filter(({ calls }) => calls === 0);
  }
}

const NONE: readonly GuestService[] = [];

const bytesOf = ({ memory }: Instance): number => memory?.buffer.byteLength ?? 0;
