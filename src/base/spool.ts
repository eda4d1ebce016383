import { closeSync, openSync, readSync } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteSource } from './bytes.ts';
import { newId } from './ids.ts';

/**
 * The spool keeps a message once while its transaction lasts: in shared memory up to 256 KiB, then in a file.
 *
 * A spool can be handed to a worker thread without a copy: `handle` is plain data (a SharedArrayBuffer or a
 * path) and `openSpool` reads it there synchronously. Whoever made the spool calls `discard` when the transaction ends;
 * files that a crash left behind are removed at the next start, since nothing in the spool was ever promised.
 */
export const SPOOL_MEMORY_LIMIT = 256 * 1024;

/** A spooled message as plain data that can cross to another thread. */
export type SpoolHandle =
  | { readonly kind: 'memory'; readonly bytes: SharedArrayBuffer; readonly size: number }
  | { readonly kind: 'file'; readonly path: string; readonly size: number };

/** A message that has been received whole. */
export interface Spool extends ByteSource {
  readonly handle: SpoolHandle;
  /** Forgets the octets; removes the file if there is one. */
  discard(): Promise<void>;
}

/** Takes a message in, piece by piece. Await each `write` before the next: that is the back pressure. */
export class SpoolWriter {
  readonly #directory: string;
  #chunks: Uint8Array[] = [];
  #size = 0;
  #file: FileHandle | undefined;
  #path = '';

  constructor(directory: string) {
    this.#directory = directory;
  }

  get size(): number {
    return this.#size;
  }

  /** Appends octets. They are copied or written before the promise resolves. Throws on a full disk. */
  async write(octets: Uint8Array): Promise<void> {
    this.#size += octets.length;
    if (this.#file === undefined) {
      this.#chunks.push(Uint8Array.prototype.slice.call(octets));
      if (this.#size > SPOOL_MEMORY_LIMIT) await this.#moveToFile();
      return;
    }
    await this.#file.writeFile(octets);
  }

  /** Ends the message and gives it for reading. */
  async finish(): Promise<Spool> {
    if (this.#file !== undefined) return new FileSpool(this.#file, this.#path, this.#size);
    const shared = new SharedArrayBuffer(this.#size);
    const view = new Uint8Array(shared);
    let offset = 0;
    for (const chunk of this.#chunks) {
      view.set(chunk, offset);
      offset += chunk.length;
    }
    this.#chunks = [];
    return new MemorySpool(shared);
  }

  /** Gives up: the client went away, or the message is refused. */
  async abandon(): Promise<void> {
    this.#chunks = [];
    if (this.#file === undefined) return;
    await this.#file.close();
    await rm(this.#path, { force: true });
  }

  async #moveToFile(): Promise<void> {
    this.#path = join(this.#directory, `${newId()}.eml`);
    this.#file = await open(this.#path, 'wx+', 0o600);
    const chunks = this.#chunks;
    this.#chunks = [];
    for (const chunk of chunks) await this.#file.writeFile(chunk);
  }
}

/** A spool of octets already at hand: a notice or a bounce that Postern composed. */
export function spoolOf(octets: Uint8Array): Spool {
  const shared = new SharedArrayBuffer(octets.length);
  new Uint8Array(shared).set(octets);
  return new MemorySpool(shared);
}

/** A spool of a file that was written already; from here on it is the spool's to remove. */
export async function adoptSpoolFile(path: string): Promise<Spool> {
  const file = await open(path, 'r');
  const { size } = await file.stat();
  return new FileSpool(file, path, size);
}

class MemorySpool implements Spool {
  readonly handle: SpoolHandle;
  readonly size: number;
  readonly #bytes: Uint8Array;

  constructor(shared: SharedArrayBuffer) {
    this.#bytes = new Uint8Array(shared);
    this.size = this.#bytes.length;
    this.handle = { kind: 'memory', bytes: shared, size: this.size };
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return this.#bytes.subarray(offset, offset + length);
  }

  async discard(): Promise<void> {}
}

class FileSpool implements Spool {
  readonly handle: SpoolHandle;
  readonly size: number;
  readonly #file: FileHandle;
  readonly #path: string;

  constructor(file: FileHandle, path: string, size: number) {
    this.#file = file;
    this.#path = path;
    this.size = size;
    this.handle = { kind: 'file', path, size };
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const wanted = Math.max(0, Math.min(length, this.size - offset));
    const buffer = Buffer.allocUnsafe(wanted);
    const { bytesRead } = await this.#file.read(buffer, 0, wanted, offset);
    return buffer.subarray(0, bytesRead);
  }

  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.#path, { force: true });
  }
}

/** A spool opened in a worker thread, where waiting for the disk is allowed. */
export interface SyncByteSource {
  readonly size: number;
  /** Copies octets from `offset` into `target`; returns how many, fewer only at the end. */
  readInto(target: Uint8Array, offset: number): number;
  close(): void;
}

/** Octets that are at hand, as a source. */
export function octetSource(octets: Uint8Array): SyncByteSource {
  return {
    size: octets.length,
    readInto(target, offset) {
      const part = octets.subarray(offset, offset + target.length);
      target.set(part);
      return part.length;
    },
    close() {},
  };
}

/** Opens a handle for synchronous reading. Only for worker threads: the event loop never waits for the disk. */
export function openSpool(handle: SpoolHandle): SyncByteSource {
  if (handle.kind === 'memory') return octetSource(new Uint8Array(handle.bytes));
  const file = openSync(handle.path, 'r');
  return {
    size: handle.size,
    readInto: (target, offset) => readSync(file, target, 0, target.length, offset),
    close: () => closeSync(file),
  };
}
