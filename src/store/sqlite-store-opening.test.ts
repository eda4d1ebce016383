import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { openSqliteStore } from './sqlite-store.ts';
import { StoreBench } from './sqlite-store-testing.ts';
import { contentOf, enqueue, held, imageWith, NOW, queued } from './testing.ts';

let bench: StoreBench;
beforeEach(async () => {
  bench = await StoreBench.begin();
});
afterEach(async () => bench.end());

describe('opening', () => {
  it('makes the directory and the file for nobody else to read', async () => {
    const modes = await Promise.all(
      [bench.path, `${bench.path}-wal`, join(bench.path, '..')].map(async (file) => (await stat(file)).mode),
    );
    expect(modes.map((mode) => mode & 0o777)).toEqual([0o600, 0o600, 0o700]);
  });

  it('ends the leases of the server before, and keeps the rest', async () => {
    const id = await enqueue(bench.store, { leaseUntil: NOW + 1000 });
    await bench.store.close();
    bench.store = await bench.open();
    expect((await bench.claimAll()).map((entry) => entry.id)).toEqual([id]);
  });

  it('refuses a second server and lets the next one in after the first', async () => {
    await expect(bench.open()).rejects.toMatchObject({ code: 'store_locked' });
    await enqueue(bench.store); // the first is unharmed
    await bench.store.close();
    bench.store = await bench.open();
    expect((await bench.store.counts()).queue).toBe(1);
  });

  it.each([
    ['noise', async () => writeFile(bench.path, contentOf(20_000)), 'store_corrupt'],
    [
      "another program's database",
      async () => new SqliteDatabase(bench.path).exec('CREATE TABLE music (title)').close(),
      'store_foreign',
    ],
    ['a directory', async () => mkdir(bench.path), 'store_unavailable'],
  ])('refuses %s and names the path', async (_what, make, code) => {
    bench.path = join(bench.directory, 'other.db');
    await make();
    await expect(bench.open()).rejects.toMatchObject({ code, message: expect.stringContaining(bench.path) });
  });

  it('refuses a database that is newer than the program', async () => {
    await bench.store.close();
    const db = new SqliteDatabase(bench.path);
    db.pragma('user_version = 999');
    db.close();
    await expect(bench.open()).rejects.toMatchObject({
      code: 'store_too_new',
      message: expect.stringContaining('999'),
    });
  });

  it('rejects what is asked after closing', async () => {
    await bench.store.close();
    await expect(enqueue(bench.store)).rejects.toMatchObject({ code: 'store_unavailable' });
    await bench.store.close();
  });

  it('finishes what was asked before closing', async () => {
    const pending = Promise.all([
      enqueue(bench.store),
      enqueue(bench.store, { image: imageWith(contentOf(3_000_000)) }),
    ]);
    await bench.store.close();
    await pending;
    bench.store = await bench.open();
    expect((await bench.store.counts()).queue).toBe(2);
  });
});

describe('a tool beside the server', () => {
  it('sees and changes the queue, and leaves leases alone', async () => {
    const leased = await enqueue(bench.store, { leaseUntil: NOW + 50 });
    const { quarantine } = await bench.store.commit({ queue: [], quarantine: [held()] });
    const tool = await bench.open('tool');
    try {
      expect((await tool.listQueue({ limit: 9 })).map(({ id }) => id)).toEqual([leased]);
      expect(await tool.release({ ids: quarantine, now: NOW, expiresAt: NOW + 9 })).toBe(1);
      expect((await bench.claimAll()).map(({ id }) => id)).toEqual(quarantine);
      expect(await tool.removeQueue([leased])).toBe(1);
      await bench.store.settle(leased, { remaining: [], nextAttemptAt: 0, lastReply: '250 ok' });
      expect((await bench.store.counts()).queue).toBe(1);
    } finally {
      await tool.close();
    }
  });

  it('changes while the server writes, without an error on either side', async () => {
    const tool = await bench.open('tool');
    try {
      const ids = await Promise.all(Array.from({ length: 100 }, () => enqueue(bench.store)));
      const removals = ids.map((id) => tool.removeQueue([id]));
      const arrivals = ids.map(() => enqueue(bench.store));
      const removed = await Promise.all(removals);
      await Promise.all(arrivals);
      expect(removed.every((count) => count === 1)).toBe(true);
      expect((await tool.counts()).queue).toBe(100);
    } finally {
      await tool.close();
    }
  });

  it('never makes a database', async () => {
    bench.path = join(bench.directory, 'none.db');
    await expect(bench.open('tool')).rejects.toMatchObject({ code: 'store_missing' });
    await expect(stat(bench.path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

it('rejects everything and says so when its thread dies', async () => {
  await bench.store.close();
  const started = new Promise<Worker>((resolve) => process.once('worker', resolve));
  bench.store = await bench.open();
  const pending = Promise.allSettled([enqueue(bench.store), bench.store.counts()]);
  await (await started).terminate();
  expect(await bench.store.ended).toMatchObject({ code: 'store_unavailable' });
  for (const result of await pending) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } });
  }
  await expect(enqueue(bench.store)).rejects.toMatchObject({ code: 'store_unavailable' });
  await bench.store.close();
  bench.store = await bench.open(); // the lock died with it
});

it('gives room back to the file system', async () => {
  const id = await enqueue(bench.store, { image: imageWith(contentOf(30_000_000)) });
  await bench.store.close();
  const before = (await stat(bench.path)).size;
  bench.store = await bench.open();
  await bench.store.removeQueue([id]);
  await expect
    .poll(async () => (await stat(bench.path)).size, { timeout: 15_000, interval: 100 })
    .toBeLessThan(before / 3);
});

it('refuses mail, but nothing else, when the file system is nearly full', async () => {
  const id = await enqueue(bench.store);
  await bench.store.close();
  bench.store = await openSqliteStore({
    path: bench.path,
    role: 'server',
    log: silentLog,
    reserveOctets: 2 ** 60,
  });
  await expect(enqueue(bench.store)).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining('are kept for emptying the queue'),
  });
  const mail = { queue: [queued()], quarantine: [] };
  await bench.store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '550', mail });
  expect((await bench.store.counts()).queue).toBe(1);
});

describe('the count of what broke a service', () => {
  const DAY = 24 * 60 * 60_000;

  it('counts each by itself, and keeps counting after a restart', async () => {
    const count = (fingerprint: string): Promise<number> =>
      bench.store.countBreak({ fingerprint, now: NOW + 0.5 });
    expect([await count('a'), await count('a'), await count('b')]).toEqual([1, 2, 1]);
    await bench.store.close();
    bench.store = await bench.open();
    expect([await count('a'), await count('b')]).toEqual([3, 2]);
  });

  it('begins anew with what has not come again for five days', async () => {
    const count = (fingerprint: string, now: number): Promise<number> =>
      bench.store.countBreak({ fingerprint, now });
    await count('a', NOW);
    await count('gone', NOW);
    expect(await count('a', NOW + 5 * DAY)).toBe(2);
    expect(await count('a', NOW + 10 * DAY + 1)).toBe(1);
    expect(bench.query("SELECT count(*) FROM broken WHERE fingerprint = 'gone'")).toBe(0);
  });

  it('keeps ten thousand at most, the latest', async () => {
    const count = (fingerprint: string, now: number): Promise<number> =>
      bench.store.countBreak({ fingerprint, now });
    await count('first', NOW);
    await count('second', NOW + 1);
    await Promise.all(Array.from({ length: 9_999 }, (_, at) => count(String(at), NOW + 2)));
    expect(bench.query('SELECT count(*) FROM broken')).toBe(10_000);
    expect(await count('second', NOW + 3)).toBe(2);
    expect(await count('first', NOW + 3)).toBe(1);
  });
});
