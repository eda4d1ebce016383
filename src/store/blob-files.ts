import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, opendir, rm, statfs, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, OperationalError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type {
  BlobAccess,
  BlobInfo,
  BlobPut,
  Blobs,
  NewBlob,
  OpenBlob,
  ServedBlobs,
  TransactionBlobs,
} from '../ocp/blob.ts';
import { READY, type BlobRow } from './blob-table.ts';
import type { BlobIndex } from './store.ts';

/**
 * The files that services put: one file each, named by its id, in a directory of ours; the store's index says what they are.
 *
 * The index knows a file before it is made and calls it ready when it is on disk. So after a kill at any moment each file is either whole
 * and ready, or is removed at the next start; nothing between is ever served. Every minute what has expired, or has been
 * fetched as often as it may be, is removed.
 */
export interface BlobFiles extends Blobs, ServedBlobs, TransactionBlobs {
  /** Ends the sweeping, and waits for removals under way. */
  close(): Promise<void>;
}

const SWEEP_MS = 60_000;
/** Files removed between two looks at the index. */
const SWEEP_STEP = 200;
/** Octets of the file system that files must leave free: mail goes before. */
const RESERVE_OCTETS = 256 * 1024 * 1024;
const READ_STEP = 64 * 1024;
/** 192 bits, 32 characters in a URL. */
const TOKEN_OCTETS = 24;
/** Transactions whose files are known to be theirs; what is beyond stays until it expires. */
const MOST_TRANSACTIONS = 20_000;

/** Makes the directory if need be, and removes what a crash left in it. Throws an OperationalError if it can't be used. */
export async function openBlobFiles(options: {
  readonly directory: string;
  readonly index: BlobIndex;
  readonly log: Log;
}): Promise<BlobFiles> {
  const { directory, index, log } = options;
  const files = new Files(directory);
  await files.prepare();
  await removeDue(true);
  let busy = sweepLitter().catch(noted);
  const timer = setInterval(() => {
    busy = busy.then(() => removeDue(false)).catch(noted);
  }, SWEEP_MS).unref();
  /** Transaction → what it has put. */
  const put = new Map<string, string[]>();

  function noted(error: unknown): void {
    log.error({ directory, cause: describeError(error) }, 'files of services were not removed');
  }

  async function removeDue(unfinished: boolean): Promise<void> {
    for (;;) {
      const ids = await index.due({ now: Date.now(), unfinished, limit: SWEEP_STEP });
      for (const id of ids) await files.remove(id);
      if (ids.length > 0) await index.gone({ ids });
      if (ids.length < SWEEP_STEP) return;
    }
  }

  /** Files that the index does not know: their rows were removed first. */
  async function sweepLitter(): Promise<void> {
    let ids: string[] = [];
    const step = async (): Promise<void> => {
      const known = new Set(await index.known({ ids }));
      for (const id of ids) if (!known.has(id)) await files.remove(id);
      ids = [];
    };
    for await (const { name } of await opendir(directory)) {
      ids.push(name);
      if (ids.length === SWEEP_STEP) await step();
    }
    await step();
  }

  async function removeAll(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      if (await index.remove({ id })) await files.remove(id);
    }
  }

  return {
    async put(blob, content): Promise<BlobPut> {
      await files.checkRoom(blob.atMost);
      const id = newId();
      const token = randomBytes(TOKEN_OCTETS).toString('base64url');
      const { service, name, type, downloads = null, now, expiresAt, quota } = blob;
      const access = JSON.stringify(blob.access);
      const row = { id, token: hashOf(token), service, name, type, access, downloads, now, expiresAt };
      if (!(await index.reserve({ ...row, size: blob.atMost, quota }))) return { kind: 'full' };
      try {
        const written = await files.write(id, { content, blob });
        if (!(await index.finish({ id, ...written }))) throw gone();
        remember(put, { transaction: blob.transaction, id });
        return { kind: 'stored', id, token, ...written };
      } catch (error) {
        // If this fails as well, the next start removes it.
        await removeAll([id]).catch(noted);
        throw error;
      }
    },
    async info(at) {
      const row = await index.find(at);
      return row && infoOf(row);
    },
    async remove({ service, id }) {
      const there = await index.remove({ service, id });
      if (there) await files.remove(id);
      return there;
    },
    async find(token) {
      const row = await index.find({ token: hashOf(token) });
      if (row === undefined) return undefined;
      const access: BlobAccess = JSON.parse(row.access);
      return { ...infoOf(row), access, isGone: row.state !== READY };
    },
    take: ({ token, now }) => index.take({ token: hashOf(token), now }),
    open: (id) => files.open(id),
    ended(transaction, taken) {
      const ids = put.get(transaction);
      put.delete(transaction);
      if (ids === undefined || taken) return;
      busy = busy.then(() => removeAll(ids)).catch(noted);
    },
    async close() {
      clearInterval(timer);
      await busy;
    },
  };
}

/** Oldest first, so that the one that is forgotten for another is the one that ended longest ago. */
function remember(
  put: Map<string, string[]>,
  { transaction, id }: { transaction?: string | undefined; id: string },
): void {
  if (transaction === undefined) return;
  put.set(transaction, [...(put.get(transaction) ?? []), id]);
  if (put.size <= MOST_TRANSACTIONS) return;
  for (const oldest of put.keys()) return void put.delete(oldest);
}

const hashOf = (token: string): Uint8Array => new Uint8Array(createHash('sha256').update(token).digest());

function infoOf({ state: _state, access: _access, downloads, ...row }: BlobRow): BlobInfo {
  return { ...row, downloads: downloads ?? undefined };
}

/** One directory of files, each named by an id. */
class Files {
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
    { content, blob }: { content: AsyncIterable<Uint8Array>; blob: NewBlob },
  ): Promise<{ size: number; sha256: string }> {
    const hash = createHash('sha256');
    let size = 0;
    const file = await open(join(this.#directory, id), 'wx', 0o600);
    try {
      for await (const piece of content) {
        if (blob.signal.aborted)
          throw unavailable('Cannot write the file: the deadline of the call has passed');
        size += piece.length;
        if (size > blob.atMost) throw unavailable('Cannot write the file: it has more octets than were said');
        hash.update(piece);
        await writeAll(file, piece);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await syncDirectory(this.#directory);
    return { size, sha256: hash.digest('hex') };
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
}

async function writeAll(file: FileHandle, octets: Uint8Array): Promise<void> {
  for (let done = 0; done < octets.length;) {
    const { bytesWritten } = await file.write(octets, done);
    done += bytesWritten;
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
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

const gone = (): OperationalError => unavailable('Cannot keep the file: it was removed while it was written');

const unavailable = (message: string, cause?: unknown): OperationalError =>
  new OperationalError('blobs_unavailable', message, { ...(cause !== undefined && { cause }) });
