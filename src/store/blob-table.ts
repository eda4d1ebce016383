import type { Database } from 'better-sqlite3';
import type { BlobAt, BlobQuota } from '../ocp/blob.ts';

/**
 * The index of files that services put (`blob-files.ts` has the files), in the store's thread. A row is there before its file is written
 * and says whether that is whole, so a file without a row, or with one that is not ready, is nothing but litter. One whose file is to be removed
 * stays until it is: a store that is elsewhere may be out of order. Triggers keep `blob_use`,
 * so that a quota is judged without counting.
 */
export interface BlobTable {
  /** False if the quota would be passed. */
  reserve(blob: ReservedBlob): boolean;
  /** The file is on disk. False if it was removed meanwhile. */
  finish(written: { id: string; size: number; sha256: string }): boolean;
  find(which: { token: Uint8Array } | BlobAt): BlobRow | undefined;
  take(which: { token: Uint8Array; now: number }): boolean;
  /** Its file is to be removed, and it is not served any more. With `service`, only if it is that one's. Whether there was one. */
  doom(which: { id: string; service?: string }): boolean;
  /** The file is removed. */
  remove(which: { id: string }): boolean;
  /** Ids of files to be removed from a place, those that were being written everywhere with `unfinished`. Forgets what is long gone. */
  due(which: { place: string; now: number; unfinished: boolean; limit: number }): string[];
  /** The files are removed; for a while it is still known that they were there. */
  gone(which: { ids: readonly string[] }): undefined;
  /** Those of these ids that have a file. */
  known(which: { ids: readonly string[] }): string[];
}

export interface ReservedBlob {
  readonly id: string;
  /** The name of the store that its file is in; '' is this machine. */
  readonly place: string;
  /** SHA-256 of what its URL ends in. */
  readonly token: Uint8Array;
  readonly service: string;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  /** JSON. */
  readonly access: string;
  readonly downloads: number | null;
  readonly now: number;
  readonly expiresAt: number;
  readonly quota: BlobQuota;
}

export interface BlobRow {
  readonly id: string;
  readonly service: string;
  readonly place: string;
  readonly state: number;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly sha256: string;
  readonly access: string;
  readonly downloads: number | null;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export const READY = 1;
const REMEMBERED_MS = 30 * 24 * 60 * 60 * 1000;
const FORGOTTEN_EACH_TIME = 1000;

const COLUMNS = `id, service, place, state, name, type, size, sha256, access, downloads,
  created_at AS createdAt, expires_at AS expiresAt`;

export function blobsOf(db: Database): BlobTable {
  const used = db.prepare<[string], BlobQuota>('SELECT blobs, bytes FROM blob_use WHERE service = ?');
  const insert = db.prepare(
    `INSERT INTO blob (id, token, service, place, state, name, type, size, sha256, access, downloads, created_at, expires_at)
     VALUES (:id, :token, :service, :place, 0, :name, :type, :size, '', :access, :downloads, :now, :expiresAt)`,
  );
  const finish = db.prepare(
    'UPDATE blob SET state = 1, size = :size, sha256 = :sha256 WHERE id = :id AND state = 0',
  );
  const findToken = db.prepare<[Uint8Array], BlobRow>(
    `SELECT ${COLUMNS} FROM blob WHERE token = ? AND state > 0`,
  );
  const findId = db.prepare<[string, string], BlobRow>(
    `SELECT ${COLUMNS} FROM blob WHERE id = ? AND service = ? AND state = 1`,
  );
  const take = db.prepare(
    `UPDATE blob SET downloads = downloads - 1
     WHERE token = :token AND state = 1 AND expires_at > :now AND (downloads IS NULL OR downloads > 0)`,
  );
  const remove = db.prepare<[string]>('DELETE FROM blob WHERE id = ?');
  const doom = db.prepare<[string]>('UPDATE blob SET state = -1 WHERE id = ? AND state IN (0, 1)');
  const doomOf = db.prepare<[string, string]>(
    'UPDATE blob SET state = -1 WHERE id = ? AND service = ? AND state = 1',
  );
  const doomUnfinished = db.prepare('UPDATE blob SET state = -1 WHERE state = 0');
  const ended = db
    .prepare<[{ place: string; now: number; limit: number }], string>(
      `SELECT id FROM blob WHERE place = :place AND state = -1
       UNION SELECT id FROM blob WHERE place = :place AND state = 1 AND expires_at <= :now
       UNION SELECT id FROM blob WHERE place = :place AND state = 1 AND downloads = 0 LIMIT :limit`,
    )
    .pluck();
  const forget = db.prepare<[number]>(
    `DELETE FROM blob WHERE id IN
       (SELECT id FROM blob WHERE state = 2 AND expires_at <= ? LIMIT ${FORGOTTEN_EACH_TIME})`,
  );
  const gone = db.prepare<[string]>('UPDATE blob SET state = 2 WHERE id = ? AND state = 1');
  const forgetDoomed = db.prepare<[string]>('DELETE FROM blob WHERE id = ? AND state = -1');
  const known = db.prepare<[string], string>('SELECT id FROM blob WHERE id = ? AND state < 2').pluck();

  return {
    reserve({ quota, ...blob }) {
      const { blobs, bytes } = used.get(blob.service) ?? { blobs: 0, bytes: 0 };
      if (blobs + 1 > quota.blobs || bytes + blob.size > quota.bytes) return false;
      insert.run(blob);
      return true;
    },
    finish: (written) => finish.run(written).changes === 1,
    find: (which) => ('token' in which ? findToken.get(which.token) : findId.get(which.id, which.service)),
    take: (which) => take.run(which).changes === 1,
    doom: ({ id, service }) => (service === undefined ? doom.run(id) : doomOf.run(id, service)).changes === 1,
    remove: ({ id }) => remove.run(id).changes === 1,
    due({ unfinished, ...which }) {
      forget.run(which.now - REMEMBERED_MS);
      if (unfinished) doomUnfinished.run();
      return ended.all(which);
    },
    gone({ ids }) {
      for (const id of ids) if (gone.run(id).changes === 0) forgetDoomed.run(id);
      return undefined;
    },
    known: ({ ids }) => ids.filter((id) => known.get(id) !== undefined),
  };
}
