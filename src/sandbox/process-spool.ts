import type { SyncByteSource } from '../base/spool.ts';
import type { HostPipe } from './process-pipe.ts';
import { WINDOW_BYTES } from './process-frame.ts';

/** Windows that are kept: a guest may look at several places in turn. */
const WINDOWS = 4;

/** The message of a call in a confined process: its beginning came along, the rest is asked for, a window at a time. */
export class PipeMessage implements SyncByteSource {
  readonly size: number;
  readonly #pipe: HostPipe;
  readonly #head: Uint8Array;
  readonly #windows = new Map<number, Uint8Array>();

  constructor(pipe: HostPipe, message: { size: number; head: Uint8Array }) {
    this.#pipe = pipe;
    this.size = message.size;
    // A copy: what it lies in is used for whatever is said next.
    this.#head = new Uint8Array(message.head);
  }

  readInto(target: Uint8Array, offset: number): number {
    const start = Math.floor(offset / WINDOW_BYTES) * WINDOW_BYTES;
    const from = offset < this.#head.length ? { start: 0, octets: this.#head } : this.#window(start);
    const part = from.octets.subarray(offset - from.start, offset - from.start + target.length);
    target.set(part);
    return part.length;
  }

  close(): void {}

  #window(start: number): { start: number; octets: Uint8Array } {
    const known = this.#windows.get(start);
    if (known !== undefined) return { start, octets: known };
    const oldest = this.#windows.size < WINDOWS ? undefined : this.#windows.keys().next().value;
    if (oldest !== undefined) this.#windows.delete(oldest);
    const length = Math.min(WINDOW_BYTES, this.size - start);
    const octets = new Uint8Array(this.#pipe.askFor({ kind: 'read', offset: start, length }).octets);
    this.#windows.set(start, octets);
    return { start, octets };
  }
}
