import { createHash, randomBytes } from 'node:crypto';
import { describeError, type OperationalError } from '../base/errors.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import type {
  BlobAccess,
  BlobAt,
  BlobInfo,
  BlobPut,
  Blobs,
  RemoteBlobs,
  ServedBlobs,
  TransactionBlobs,
} from '../ocp/blob.ts';
import { BlobDirectory, measure, unavailable } from './blob-directory.ts';
import { READY, type BlobRow } from './blob-table.ts';
import type { BlobIndex } from './store.ts';

/**
 * The files that services put: one file each, named by its id, in a directory of ours or in a store elsewhere; the index says what they are.
 *
 * The index knows a file before it is made and calls it ready when it is on disk. So after a kill at any moment each file is either whole
 * and ready, or is removed at the next start; nothing between is ever served. Every minute what has expired, or has been
 * fetched as often as it may be, is removed. What a store elsewhere did not remove is tried again each minute, as long as the config names it.
 */
export interface BlobFiles extends Blobs, ServedBlobs, TransactionBlobs {
  /** Those in which files may be, by their names. */
  setRemotes(remotes: readonly RemoteBlobs[]): void;
  /** Ends the sweeping, and waits for removals under way. */
  close(): Promise<void>;
}

const SWEEP_MS = 60_000;
/** Files removed between two looks at the index. */
const SWEEP_STEP = 200;
/** Files that a store elsewhere does not remove, after which it has time until the next minute. */
const MOST_FAILURES = 3;
/** 192 bits, 32 characters in a URL. */
const TOKEN_OCTETS = 24;
/** Transactions whose files are known to be theirs; what is beyond stays until it expires. */
const MOST_TRANSACTIONS = 20_000;
/** The place of files in the directory. */
const HERE = '';

/** Makes the directory if need be, and removes what a crash left in it. Throws an OperationalError if it can't be used. */
export async function openBlobFiles(options: {
  readonly directory: string;
  readonly index: BlobIndex;
  readonly log: Log;
}): Promise<BlobFiles> {
  const { directory, index, log } = options;
  const files = new BlobDirectory(directory);
  await files.prepare();
  let remotes: ReadonlyMap<string, RemoteBlobs> = new Map();
  const closing = new AbortController();
  await removeDue(HERE, true);
  let busy = sweepLitter().catch(noted);
  let isSweepWanted = false;
  const timer = setInterval(sweepSoon, SWEEP_MS).unref();
  /** Transaction → what it has put. */
  const put = new Map<string, string[]>();

  function noted(error: unknown): void {
    log.error({ directory, cause: describeError(error) }, 'files of services were not removed');
  }

  function sweepSoon(): void {
    if (isSweepWanted) return;
    isSweepWanted = true;
    busy = busy.then(async () => {
      isSweepWanted = false;
      for (const place of [HERE, ...remotes.keys()]) await removeDue(place, false).catch(noted);
    });
  }

  async function removeDue(place: string, unfinished: boolean): Promise<void> {
    for (let isLast = false; !isLast;) {
      const ids = await index.due({ place, now: Date.now(), unfinished, limit: SWEEP_STEP });
      const { removed, failure } = await removeFrom(place, ids);
      if (removed.length > 0) await index.gone({ ids: removed });
      if (failure !== undefined) throw failure;
      isLast = ids.length < SWEEP_STEP;
    }
  }

  async function removeFrom(
    place: string,
    ids: readonly string[],
  ): Promise<{ removed: string[]; failure: unknown }> {
    const removed: string[] = [];
    let failure: unknown;
    let failures = 0;
    for (const id of ids) {
      try {
        await removeFile(place, id);
        removed.push(id);
      } catch (error) {
        failure = error;
        failures += 1;
        if (failures === MOST_FAILURES || closing.signal.aborted) break;
      }
    }
    return { removed, failure };
  }

  async function removeFile(place: string, id: string): Promise<void> {
    if (place === HERE) return files.remove(id);
    const remote = remotes.get(place);
    if (remote === undefined) throw unavailable(`Cannot remove ${id}: there is no store ${place}`);
    await remote.remove(id, closing.signal);
  }

  /** Files that the index does not know: their rows were removed first. */
  async function sweepLitter(): Promise<void> {
    for await (const ids of files.names(SWEEP_STEP)) {
      const known = new Set(await index.known({ ids }));
      for (const id of ids) if (!known.has(id)) await files.remove(id);
    }
  }

  /** Whether there was one. If its file can't be removed now, a sweep does it. */
  async function discard({ id, service }: { id: string; service?: string }, place: string): Promise<boolean> {
    if (!(await index.doom({ id, ...(service !== undefined && { service }) }))) return false;
    await removeFile(place, id);
    await index.remove({ id });
    return true;
  }

  return {
    async put(blob, octets): Promise<BlobPut> {
      const { service, name, type, downloads = null, now, expiresAt, quota, remote } = blob;
      if (remote === undefined) await files.checkRoom(blob.atMost);
      const id = newId();
      const token = randomBytes(TOKEN_OCTETS).toString('base64url');
      const access = JSON.stringify(blob.access);
      const place = remote?.name ?? HERE;
      const row = { id, place, token: hashOf(token), service, name, type, access, downloads, now, expiresAt };
      if (!(await index.reserve({ ...row, size: blob.atMost, quota }))) return { kind: 'full' };
      try {
        let written;
        if (remote === undefined) written = await files.write(id, { octets, blob });
        else {
          // The size and the hash go before the octets.
          written = await measure(octets(), blob);
          await remote.write(id, { ...written, octets, name, type, signal: blob.signal });
        }
        if (!(await index.finish({ id, ...written }))) throw gone();
        remember(put, { transaction: blob.transaction, id });
        return { kind: 'stored', id, token, ...written };
      } catch (error) {
        // If this fails as well, the next start removes it.
        if (remote === undefined) await discard({ id }, place).catch(noted);
        else await index.doom({ id }).then(sweepSoon, noted);
        throw error;
      }
    },
    async info(at) {
      const row = await index.find(at);
      return row && infoOf(row);
    },
    async remove(at: BlobAt) {
      const row = await index.find(at);
      return row !== undefined && discard(at, row.place);
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
      const dooming = Promise.all(ids.map((id) => index.doom({ id })));
      busy = Promise.all([busy, dooming.then(sweepSoon, noted)]).then(() => undefined);
    },
    setRemotes(all) {
      remotes = new Map(all.map((remote) => [remote.name, remote]));
      sweepSoon();
    },
    async close() {
      clearInterval(timer);
      closing.abort();
      // A transaction that ended before may have asked for one more sweep.
      for (let last; last !== busy;) {
        last = busy;
        await last;
      }
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

function infoOf({ state: _state, access: _access, place: _place, downloads, ...row }: BlobRow): BlobInfo {
  return { ...row, downloads: downloads ?? undefined };
}

const gone = (): OperationalError => unavailable('Cannot keep the file: it was removed while it was written');
