import { createHash } from 'node:crypto';
import { mkdir, open, opendir, rm, statfs, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { OperationalError } from '../base/errors.ts';
import { syncDirectory } from '../base/sync-directory.ts';
import type { NewBlob, OpenBlob } from '../ocp/blob.ts';

/** Octets of the file system that files must leave free: mail goes before. */
const RESERVE_OCTETS = 256 * 1024 * 1024;
const READ_STEP = 64 * 1024;

/** One directory of files, each named by an id. */
export class BlobDirectory {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async prepare(): Promise<void> {
    try {
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    } catch (error) {
      throw unavailable(`Cannot use the directory ${this.#directory}`, error);
    }
  }

  async checkRoom(octets: number): Promise<void> {
    const { blocks, bavail, bsize } = await statfs(this.#directory);
    if (blocks === 0 || bavail * bsize >= RESERVE_OCTETS + octets) return;
    throw unavailable(`Cannot add a file of ${octets} octets: there is no room in ${this.#directory}`);
  }

  /** Resolves when the octets and the name of the file are on disk. */
  async write(
    id: string,
    { octets, blob }: { octets: () => AsyncIterable<Uint8Array>; blob: Pick<NewBlob, 'atMost' | 'signal'> },
  ): Promise<{ size: number; sha256: string }> {
    const file = await open(join(this.#directory, id), 'wx', 0o600);
    let measured;
    try {
      measured = await measure(octets(), { ...blob, each: (piece) => writeAll(file, piece) });
      await file.sync();
    } finally {
      await file.close();
    }
    await syncDirectory(this.#directory);
    return measured;
  }

  async open(id: string): Promise<OpenBlob | undefined> {
    const file = await open(join(this.#directory, id)).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    });
    return file && { read: (range) => piecesOf(file, range), close: () => file.close() };
  }

  remove(id: string): Promise<void> {
    return rm(join(this.#directory, id), { force: true, recursive: true });
  }

  /** What is there, known or not, in groups of at most `most`. */
  async *names(most: number): AsyncIterable<string[]> {
    let names: string[] = [];
    for await (const { name } of await opendir(this.#directory)) {
      names.push(name);
      if (names.length < most) continue;
      yield names;
      names = [];
    }
    yield names;
  }
}

/** Size and hash of what comes, which is also handed to `each`. Throws if it is too long, or nobody waits any more. */
export async function measure(
  octets: AsyncIterable<Uint8Array>,
  options: Pick<NewBlob, 'atMost' | 'signal'> & { readonly each?: (piece: Uint8Array) => Promise<void> },
): Promise<{ size: number; sha256: string }> {
  const { atMost, signal, each } = options;
  const hash = createHash('sha256');
  let size = 0;
  for await (const piece of octets) {
    if (signal.aborted) throw unavailable('Cannot write the file: the deadline of the call has passed');
    size += piece.length;
    if (size > atMost) throw unavailable('Cannot write the file: it has more octets than were said');
    hash.update(piece);
    await each?.(piece);
  }
  return { size, sha256: hash.digest('hex') };
}

async function writeAll(file: FileHandle, octets: Uint8Array): Promise<void> {
  for (let done = 0; done < octets.length;) {
    const { bytesWritten } = await file.write(octets, done);
    done += bytesWritten;
  }
}

async function* piecesOf(
  file: FileHandle,
  { start, end }: { start: number; end: number },
): AsyncIterable<Uint8Array> {
  for (let at = start; at < end;) {
    const buffer = new Uint8Array(Math.min(READ_STEP, end - at));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) throw unavailable('Cannot read the file: it is shorter than it was');
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

export const unavailable = (message: string, cause?: unknown): OperationalError =>
  new OperationalError('blobs_unavailable', message, { ...(cause !== undefined && { cause }) });
