import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { silentLog } from '../base/log.ts';
import type { IncrementRequest, KeyValues, PutRequest, PutResult } from '../ocp/key-value.ts';
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts';
import { NOW, temporaryDirectory } from './testing.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let path: string;
let store: SqliteStore;
let values: KeyValues;

const open = async (reserveOctets?: number): Promise<void> => {
  store = await openSqliteStore({
    path,
    role: 'server',
    log: silentLog,
    ...(reserveOctets !== undefined && { reserveOctets }),
  });
  values = store.keyValues;
};

beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory.path, 'store.db');
  await open();
});
afterEach(async () => {
  await store.close();
  await directory.remove();
});

const AT = { service: 's', key: 'k', now: NOW };
const ROOM = { keys: 100, bytes: 1_000_000 };
const put = (value: string, more: Partial<PutRequest> = {}) =>
  values.put({
    ...AT,
    value: Buffer.from(value),
    expiresAt: undefined,
    revision: undefined,
    quota: ROOM,
    ...more,
  });
/** The revision of what must have been stored. */
async function stored(result: Promise<PutResult>): Promise<number> {
  const got = await result;
  expect(got).toEqual({ kind: 'stored', revision: expect.any(Number) });
  return got.kind === 'stored' ? got.revision : 0;
}
const count = (more: Partial<IncrementRequest> = {}) =>
  values.increment({ ...AT, by: 1, expiresAt: undefined, quota: ROOM, ...more });
const valueOf = async (at: Partial<typeof AT> = {}): Promise<string | undefined> => {
  const found = await values.get({ ...AT, ...at });
  return found && Buffer.from(found.value).toString();
};

describe('values', () => {
  it('are each service’s own, and outlive a restart', async () => {
    await put('mine');
    await put('yours', { service: 't' });
    await put('', { key: 'a\0b', expiresAt: NOW + 1 });
    await store.close();
    await open();
    expect([await valueOf(), await valueOf({ service: 't' })]).toEqual(['mine', 'yours']);
    expect(await values.get({ ...AT, key: 'a\0b' })).toMatchObject({ expiresAt: NOW + 1 });
    expect([await valueOf({ key: 'a' }), await valueOf({ service: 'u' })]).toEqual([undefined, undefined]);
  });

  it('are put only over the revision that is asked for, and no revision comes twice', async () => {
    const first = await stored(put('1', { revision: 0 }));
    expect(await put('2', { revision: 0 })).toEqual({ kind: 'changed', revision: first });
    const second = await stored(put('2', { revision: first }));
    expect(await put('3', { revision: first })).toEqual({ kind: 'changed', revision: second });
    expect(await values.remove(AT)).toBe(true);
    expect(await values.remove(AT)).toBe(false);
    expect(await put('4', { revision: second })).toEqual({ kind: 'changed', revision: 0 });
    const third = await stored(put('4'));
    expect(new Set([first, second, third]).size).toBe(3);
  });

  it('are gone once they have expired, and are then replaced as if they had never been', async () => {
    await put('1', { expiresAt: NOW + 10 });
    expect(await valueOf({ now: NOW + 9 })).toBe('1');
    expect(await valueOf({ now: NOW + 10 })).toBeUndefined();
    expect(await put('2', { now: NOW + 10, revision: 0 })).toMatchObject({ kind: 'stored' });
    expect(await valueOf({ now: NOW + 10_000 })).toBe('2');
    await put('3', { key: 'x', expiresAt: NOW + 10 });
    expect(await values.remove({ ...AT, key: 'x', now: NOW + 10 })).toBe(false);
  });
});

describe('counters', () => {
  it('count exactly, however many count at a time', async () => {
    const counted = await Promise.all(Array.from({ length: 500 }, () => count({ by: 2 })));
    const seen = counted.map((one) => (one.kind === 'counted' ? one.value : 0));
    expect(new Set(seen)).toHaveLength(500);
    expect(Math.max(...seen)).toBe(1000);
    expect(await valueOf()).toBe('1000');
    expect(await count({ by: -1001 })).toMatchObject({ kind: 'counted', value: -1 });
  });

  it('keep the time at which they expire', async () => {
    expect(await count({ expiresAt: NOW + 10 })).toMatchObject({ value: 1, expiresAt: NOW + 10 });
    expect(await count({ now: NOW + 5, expiresAt: NOW + 15 })).toMatchObject({
      value: 2,
      expiresAt: NOW + 10,
    });
    expect(await count({ now: NOW + 10, expiresAt: NOW + 20 })).toMatchObject({
      value: 1,
      expiresAt: NOW + 20,
    });
  });

  it.each(['x', '', '01', '1.5', ' 1', '1e3', '-0', '99999999999999999999'])(
    'do not count on from %j',
    async (text) => {
      await put(text);
      expect(await count()).toEqual({ kind: 'unfit' });
      expect(await valueOf()).toBe(text);
    },
  );

  it('do not leave the whole numbers that can be told apart', async () => {
    await put(String(Number.MAX_SAFE_INTEGER));
    expect(await count()).toEqual({ kind: 'unfit' });
    expect(await count({ by: -1 })).toMatchObject({ value: Number.MAX_SAFE_INTEGER - 1 });
  });
});

describe('quotas', () => {
  it('bound keys and octets of each service, and replacing needs room for the difference only', async () => {
    const quota = { keys: 2, bytes: 12 };
    expect(await put('12345', { key: 'a', quota })).toMatchObject({ kind: 'stored' });
    expect(await put('12345', { key: 'é', quota })).toEqual({ kind: 'full' });
    expect(await put('12345', { key: 'b', quota })).toMatchObject({ kind: 'stored' });
    expect(await put('', { key: 'c', quota })).toEqual({ kind: 'full' });
    expect(await count({ key: 'd', quota })).toEqual({ kind: 'full' });
    expect(await put('54321', { key: 'a', quota })).toMatchObject({ kind: 'stored' });
    expect(await put('123456', { key: 'a', quota })).toEqual({ kind: 'full' });
    expect(await valueOf({ key: 'a' })).toBe('54321');
    expect(await put('x', { service: 't', quota })).toMatchObject({ kind: 'stored' });
    await values.remove({ ...AT, key: 'a' });
    expect(await put('12345', { key: 'c', quota })).toMatchObject({ kind: 'stored' });
  });

  it('leave out what has expired, however much it is', async () => {
    const quota = { keys: 1000, bytes: 5000 };
    const keys = Array.from({ length: 1000 }, (_, index) => `${1000 + index}`);
    await Promise.all(keys.map((key) => put('1', { key, quota, expiresAt: NOW + 10 })));
    const large = { key: 'new', quota, now: NOW + 9 };
    expect(await put('x'.repeat(4997), large)).toEqual({ kind: 'full' });
    expect(await put('x'.repeat(4997), { ...large, now: NOW + 10 })).toMatchObject({ kind: 'stored' });
    const db = new SqliteDatabase(path, { readonly: true });
    expect(db.prepare('SELECT keys, bytes FROM kv_use').all()).toEqual([{ keys: 1, bytes: 5000 }]);
    expect(db.prepare('SELECT count(*) FROM kv').pluck().get()).toBe(1);
    db.close();
  });
});

it('takes no more when the disk is nearly full, and still gives up what there is', async () => {
  await put('1');
  await store.close();
  await open(Number.MAX_SAFE_INTEGER);
  await expect(put('2')).rejects.toMatchObject({ code: 'store_unavailable' });
  await expect(count({ key: 'x' })).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(await valueOf()).toBe('1');
  expect(await values.remove(AT)).toBe(true);
});
