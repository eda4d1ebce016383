import type { Database } from 'better-sqlite3';
import {
  isDecimal,
  type IncrementRequest,
  type IncrementResult,
  type KeyAt,
  type KeyQuota,
  type KeyValue,
  type PutRequest,
  type PutResult,
} from '../ocp/key-value.ts';

/**
 * What services keep (`ocp/key-value.ts`), in the store's thread. A value's row is never changed but replaced, so its number, which
 * SQLite gives only once, is its revision. Triggers keep `kv_use`, so that a quota is judged without counting.
 *
 * What has expired is not found any more, and is removed bit by bit with every change; a service that meets its quota has
 * more of its own removed first.
 */
export interface KeyValueTable {
  get(at: KeyAt): KeyValue | undefined;
  put(request: PutRequest): PutResult;
  increment(request: IncrementRequest): IncrementResult;
  remove(at: KeyAt): boolean;
}

/** More than a change can add, so that what has expired never gathers. */
const EXPIRED_EACH_TIME = 10;
const EXPIRED_WHEN_FULL = 10_000;

interface Row {
  readonly revision: number;
  readonly value: Buffer;
  readonly expiresAt: number | null;
}

export function keyValuesOf(db: Database): KeyValueTable {
  const find = db.prepare<[KeyAt], Row>(
    `SELECT id AS revision, value, expires_at AS expiresAt FROM kv
     WHERE service = :service AND key = :key AND (expires_at IS NULL OR expires_at > :now)`,
  );
  const used = db.prepare<[string], KeyQuota>('SELECT keys, bytes FROM kv_use WHERE service = ?');
  const sizeAt = db
    .prepare<[KeyAt], number>(
      'SELECT octet_length(key) + length(value) FROM kv WHERE service = :service AND key = :key',
    )
    .pluck();
  const add = db
    .prepare<[object], number>(
      `INSERT INTO kv (service, key, value, expires_at) VALUES (:service, :key, :value, :expiresAt) RETURNING id`,
    )
    .pluck();
  const take = db.prepare<[KeyAt]>('DELETE FROM kv WHERE service = :service AND key = :key');
  const forgetExpired = db.prepare<[number]>(
    `DELETE FROM kv WHERE id IN (SELECT id FROM kv WHERE expires_at <= ? LIMIT ${EXPIRED_EACH_TIME})`,
  );
  const forgetExpiredOf = db.prepare<[string, number]>(
    `DELETE FROM kv WHERE id IN
       (SELECT id FROM kv WHERE service = ? AND expires_at <= ? LIMIT ${EXPIRED_WHEN_FULL})`,
  );

  const fits = (at: KeyAt, wanted: { size: number; quota: KeyQuota }): boolean => {
    const { keys, bytes } = used.get(at.service) ?? { keys: 0, bytes: 0 };
    const before = sizeAt.get(at);
    const { size, quota } = wanted;
    return keys + (before === undefined ? 1 : 0) <= quota.keys && bytes - (before ?? 0) + size <= quota.bytes;
  };

  /** The new revision; undefined if the quota would be passed. */
  const store = (request: PutRequest): number | undefined => {
    const { service, key, value, now, quota } = request;
    const wanted = { size: Buffer.byteLength(key) + value.length, quota };
    if (!fits(request, wanted)) {
      forgetExpiredOf.run(service, now);
      if (!fits(request, wanted)) return undefined;
    }
    take.run(request);
    return add.get({ service, key, value, expiresAt: request.expiresAt ?? null });
  };

  return {
    get(at) {
      const row = find.get(at);
      if (row === undefined) return undefined;
      // A copy of just these octets: they are handed over to another thread.
      const value = new Uint8Array(row.value);
      return { value, revision: row.revision, expiresAt: row.expiresAt ?? undefined };
    },
    put(request) {
      forgetExpired.run(request.now);
      if (request.revision !== undefined) {
        const revision = find.get(request)?.revision ?? 0;
        if (revision !== request.revision) return { kind: 'changed', revision };
      }
      const revision = store(request);
      return revision === undefined ? { kind: 'full' } : { kind: 'stored', revision };
    },
    increment(request) {
      forgetExpired.run(request.now);
      const row = find.get(request);
      const before = row === undefined ? '0' : row.value.toString('latin1');
      const value = Number(before) + request.by;
      if (!isDecimal(before) || !Number.isSafeInteger(value)) return { kind: 'unfit' };
      const expiresAt = row === undefined ? request.expiresAt : (row.expiresAt ?? undefined);
      const { by: _by, ...at } = request;
      const revision = store({ ...at, value: Buffer.from(String(value)), revision: undefined, expiresAt });
      return revision === undefined ? { kind: 'full' } : { kind: 'counted', value, revision, expiresAt };
    },
    remove(at) {
      forgetExpired.run(at.now);
      const there = find.get(at) !== undefined;
      take.run(at);
      return there;
    },
  };
}
