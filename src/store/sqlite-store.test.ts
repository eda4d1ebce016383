import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import SqliteDatabase from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { SpoolWriter } from '../base/spool.ts';
import { applySplices, imageOf, isProblem } from '../mail/image.ts';
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts';
import {
  contentIn,
  contentOf,
  enqueue,
  held,
  imageWith,
  NOW,
  queued,
  temporaryDirectory,
} from './testing.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let path: string;
let store: SqliteStore;

const open = (role: 'server' | 'tool' = 'server') => openSqliteStore({ path, role, log: silentLog });
const claimAll = (now = NOW) => store.claim({ now, leaseUntil: now + 100, limit: 100, except: [] });

/** A look into the file, past the store. */
function query(sql: string): unknown {
  const db = new SqliteDatabase(path, { readonly: true });
  try {
    return db.prepare(sql).pluck().get();
  } finally {
    db.close();
  }
}

beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory.path, 'mail', 'store.db');
  store = await open();
});

afterEach(async () => {
  await store.close();
  await directory.remove();
});

describe('the queue', () => {
  it('gives back what was committed', async () => {
    const image = imageWith('Subject: a\r\n\r\nb\r\n');
    const { queue } = await store.commit({ queue: [queued({ image })], quarantine: [] });
    const [entry] = await claimAll();
    expect(entry).toEqual({
      id: queue[0],
      transaction: 'session-1',
      messageId: entry!.messageId,
      size: image.size,
      sender: { address: 'ann@example.org', params: { BODY: '8BITMIME' } },
      recipients: [{ address: 'bob@example.com', params: { NOTIFY: 'FAILURE' } }],
      downstream: 'store',
      attempts: 0,
      createdAt: NOW,
      nextAttemptAt: NOW,
      expiresAt: NOW + 1000,
      lastReply: '',
    });
    expect((await contentIn(store, entry!.messageId)).toString()).toBe('Subject: a\r\n\r\nb\r\n');
  });

  it('claims what is due, oldest first, and nothing twice while the lease lasts', async () => {
    const later = await enqueue(store, { nextAttemptAt: NOW + 20 });
    const first = await enqueue(store, { nextAttemptAt: NOW - 20 });
    const second = await enqueue(store, { nextAttemptAt: NOW - 10 });
    expect(
      (await store.claim({ now: NOW, leaseUntil: NOW + 100, limit: 1, except: [] })).map(({ id }) => id),
    ).toEqual([first]);
    expect((await claimAll()).map(({ id }) => id)).toEqual([second]);
    expect(await claimAll()).toEqual([]);
    expect((await claimAll(NOW + 20)).map(({ id }) => id)).toEqual([later]);
    expect((await claimAll(NOW + 100)).map(({ id }) => id)).toEqual([first, second]);
  });

  it('leaves an entry that was committed with a lease to who committed it', async () => {
    const id = await enqueue(store, { leaseUntil: NOW + 50 });
    expect(await claimAll(NOW + 49)).toEqual([]);
    expect((await claimAll(NOW + 50)).map((entry) => entry.id)).toEqual([id]);
  });

  it('claims nothing for the downstreams that are left alone, but what has expired', async () => {
    const stays = { downstream: 'slow', nextAttemptAt: NOW - 5 };
    await enqueue(store, stays);
    const ready = await enqueue(store, { downstream: 'fast' });
    const expired = await enqueue(store, { ...stays, expiresAt: NOW });
    await enqueue(store, { ...stays, expiresAt: NOW, leaseUntil: NOW + 1 });
    const request = { now: NOW, leaseUntil: NOW + 50, limit: 9, except: ['slow', 'unknown'] };
    expect((await store.claim({ ...request, limit: 1 })).map(({ id }) => id)).toEqual([expired]);
    expect((await store.claim(request)).map(({ id }) => id)).toEqual([ready]);
    expect(await store.claim(request)).toEqual([]);
    expect(await claimAll()).toHaveLength(1);
  });

  it('keeps what remains after an attempt and forgets what is settled', async () => {
    const two = [
      { address: 'a@example.com', params: {} },
      { address: 'b@example.com', params: {} },
    ];
    const id = await enqueue(store, { recipients: two });
    await claimAll();
    await store.settle(id, { remaining: [two[1]!], nextAttemptAt: NOW + 5, lastReply: '451 later' });
    expect(await claimAll(NOW + 4)).toEqual([]);
    const [entry] = await claimAll(NOW + 5);
    expect(entry).toMatchObject({ id, recipients: [two[1]], attempts: 1, lastReply: '451 later' });
    await store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '250 ok' });
    expect(await store.counts()).toEqual({ queue: 0, quarantine: 0 });
    await expect(store.read(entry!.messageId, { offset: 0, length: 1 })).rejects.toMatchObject({
      code: 'message_missing',
    });
  });

  it('stores the bounce in the commit that removes the entry', async () => {
    const id = await enqueue(store);
    const bounce = queued({ image: imageWith('bounce'), sender: { address: '', params: {} } });
    const mail = { queue: [bounce], quarantine: [] };
    await store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '550 no', mail });
    const entries = await store.listQueue({ limit: 10 });
    expect(entries.map(({ sender }) => sender.address)).toEqual(['']);
    // Settled already: neither an error nor a second bounce.
    await store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '550 no', mail });
    expect((await store.counts()).queue).toBe(1);
  });

  it('holds the message of an entry in the commit that ends it for those recipients', async () => {
    const [a, b] = ['a@example.com', 'b@example.com'].map((address) => ({ address, params: {} }));
    const id = await enqueue(store, { recipients: [a!, b!], image: imageWith('octets') });
    const why = { now: NOW + 7, service: 'delivery', reason: 'cannot be delivered or bounced' };
    const end = { nextAttemptAt: NOW, lastReply: '550 no' };
    await store.settle(id, { ...end, remaining: [b!], held: { ...why, recipients: [a!] } });
    await store.settle(id, { ...end, remaining: [], held: { ...why, recipients: [b!] } });
    await store.settle(id, { ...end, remaining: [], held: { ...why, recipients: [b!] } });

    expect(await store.counts()).toEqual({ queue: 0, quarantine: 2 });
    const entries = await store.listQuarantine({ limit: 10 });
    const common = { transaction: 'session-1', downstream: 'store', sender: queued().sender };
    const { now, ...told } = why;
    expect(entries).toMatchObject(
      [a, b].map((one) => ({ ...common, ...told, recipients: [one], createdAt: now })),
    );
    expect((await contentIn(store, entries[0]!.messageId)).toString()).toBe('octets');
    await store.removeQuarantine([entries[0]!.id]);
    expect((await contentIn(store, entries[1]!.messageId)).toString()).toBe('octets');
    await store.removeQuarantine([entries[1]!.id]);
    await expect(contentIn(store, entries[1]!.messageId)).rejects.toMatchObject({ code: 'message_missing' });
  });

  it('lists by pages in the order of arrival', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(await enqueue(store));
    const first = await store.listQueue({ limit: 3 });
    const second = await store.listQueue({ limit: 3, after: first.at(-1)!.id });
    expect([...first, ...second].map(({ id }) => id)).toEqual(ids);
    expect(await store.showQueue(ids[1]!)).toMatchObject({ id: ids[1] });
    expect(await store.showQueue('nobody')).toBeUndefined();
  });

  it('makes entries due, but leaves a leased one to its attempt', async () => {
    const waiting = await enqueue(store, { nextAttemptAt: NOW + 500 });
    const other = await enqueue(store, { nextAttemptAt: NOW + 500 });
    const leased = await enqueue(store, { nextAttemptAt: NOW, leaseUntil: NOW + 50 });
    expect(await store.retry({ ids: [waiting, leased, 'nobody'], now: NOW })).toBe(2);
    expect((await claimAll()).map(({ id }) => id)).toEqual([waiting]);
    expect(await store.retry({ now: NOW })).toBe(3);
    expect((await claimAll()).map(({ id }) => id)).toEqual([other]);
  });

  it('makes more entries due than one step takes', async () => {
    const entry = queued({ nextAttemptAt: NOW + 500 });
    await store.commit({ queue: Array.from({ length: 1203 }, () => entry), quarantine: [] });
    expect(await store.retry({ now: NOW })).toBe(1203);
    expect(await store.claim({ now: NOW, leaseUntil: NOW + 1, limit: 5000, except: [] })).toHaveLength(1203);
  });

  it('removes entries; an attempt under way then settles nothing', async () => {
    const id = await enqueue(store);
    await claimAll();
    expect(await store.removeQueue([id, 'nobody'])).toBe(1);
    await store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '250 ok' });
    expect(query('SELECT count(*) FROM message')).toBe(0);
  });
});

describe('the quarantine', () => {
  it('holds, shows, releases once and removes', async () => {
    const { quarantine } = await store.commit({ queue: [], quarantine: [held(), held()] });
    const [id, other] = quarantine;
    expect(await store.claim({ now: NOW * 2, leaseUntil: NOW * 2, limit: 9, except: [] })).toEqual([]);
    expect(await store.showQuarantine(id!)).toMatchObject({
      id,
      service: 'virus',
      reason: 'EICAR',
      size: 24,
    });
    const request = { ids: [id!], now: NOW + 7, expiresAt: NOW + 70 };
    expect(await store.release(request)).toBe(1);
    expect(await store.release(request)).toBe(0);
    const [entry] = await claimAll(NOW + 7);
    expect(entry).toMatchObject({ downstream: 'store', createdAt: NOW + 7, expiresAt: NOW + 70 });
    expect((await contentIn(store, entry!.messageId)).toString()).toContain('hello');
    expect((await store.listQuarantine({ limit: 9 })).map((entry) => entry.id)).toEqual([other]);
    expect(await store.removeQuarantine([other!])).toBe(1);
    expect(await store.counts()).toEqual({ queue: 1, quarantine: 0 });
  });
});

describe('message content', () => {
  it('is kept once for all entries that share an image, until the last is gone', async () => {
    const image = imageWith('shared');
    const { queue, quarantine } = await store.commit({
      queue: [queued({ image }), queued({ image }), queued()],
      quarantine: [held({ image })],
    });
    expect(query('SELECT count(*) FROM message')).toBe(2);
    const { messageId } = (await store.showQueue(queue[0]!))!;
    await store.removeQueue([queue[0]!, queue[1]!]);
    expect((await contentIn(store, messageId)).toString()).toBe('shared');
    await store.removeQuarantine(quarantine);
    expect(query('SELECT count(*) FROM message')).toBe(1);
  });

  it.each([0, 1, 65_536, 65_537, 262_144, 262_145, 1_048_576, 1_048_577, 5_000_001])(
    'of %i octets comes back as it was',
    async (size) => {
      const octets = contentOf(size);
      await enqueue(store, { image: imageWith(octets) });
      const [entry] = await claimAll();
      expect(entry!.size).toBe(size);
      expect((await contentIn(store, entry!.messageId)).equals(octets)).toBe(true);
      const end = await store.read(entry!.messageId, { offset: Math.max(0, size - 2), length: 10 });
      expect(Buffer.from(end).equals(octets.subarray(Math.max(0, size - 2)))).toBe(true);
    },
  );

  it('is read from a spool file with splices applied', async () => {
    const writer = new SpoolWriter(directory.path);
    const octets = contentOf(2_000_000);
    await writer.write(octets);
    const spool = await writer.finish();
    const image = applySplices(imageOf(spool.handle), [
      { offset: 0, remove: 0, bytes: Buffer.from('X-Added: 1\r\n') },
      { offset: 700_000, remove: 300_000, bytes: contentOf(0) },
    ]);
    if (isProblem(image)) throw new Error(image.problem);
    await enqueue(store, { image });
    await spool.discard();
    const [entry] = await claimAll();
    const expected = Buffer.concat([
      Buffer.from('X-Added: 1\r\n'),
      octets.subarray(0, 700_000),
      octets.subarray(1_000_000),
    ]);
    expect((await contentIn(store, entry!.messageId)).equals(expected)).toBe(true);
  });

  it('leaves nothing behind when a large one is removed', async () => {
    const id = await enqueue(store, { image: imageWith(contentOf(5_000_000)) });
    expect(query('SELECT count(*) FROM message_chunk')).toBe(20);
    await store.removeQueue([id]);
    await store.close(); // finishes the sweep
    store = await open();
    expect(query('SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM message_chunk)')).toBe(0);
  });

  it('lets small mail pass while a large message is written', async () => {
    const done: string[] = [];
    const large = enqueue(store, { image: imageWith(contentOf(25_000_000)) }).then(() => done.push('large'));
    while (!done.includes('large')) {
      await enqueue(store);
      done.push('small');
    }
    await large;
    expect(done.indexOf('large')).toBeGreaterThan(3);
  });
});

describe('the group commit', () => {
  it('needs far fewer commits than requests', async () => {
    await Promise.all(Array.from({ length: 400 }, () => enqueue(store)));
    const { writes, commits } = store.stats();
    expect(writes).toBe(400);
    expect(commits).toBeLessThan(20);
    expect((await store.counts()).queue).toBe(400);
  });

  it('leaves the neighbours of a request that fails alone', async () => {
    const gone = { kind: 'file', path: join(directory.path, 'gone.eml'), size: 9 } as const;
    const bad = queued({ image: imageOf(gone) });
    await enqueue(store);
    const before = store.stats().commits;
    const results = await Promise.allSettled([
      enqueue(store),
      store.commit({ queue: [queued(), bad], quarantine: [held()] }),
      enqueue(store),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'spool_unreadable' } });
    expect(await store.counts()).toEqual({ queue: 3, quarantine: 0 });
    expect(query('SELECT count(*) FROM message')).toBe(3);
    expect(store.stats().commits - before).toBe(1);
  });

  it('undoes a large message whose spool ends too early', async () => {
    const short = join(directory.path, 'short.eml');
    await writeFile(short, contentOf(3_000_000));
    const image = imageOf({ kind: 'file', path: short, size: 9_000_000 });
    await expect(enqueue(store, { image })).rejects.toMatchObject({ code: 'spool_unreadable' });
    const left = () => query('SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM message_chunk)');
    await expect.poll(left).toBe(0);
  });
});

describe('opening', () => {
  it('makes the directory and the file for nobody else to read', async () => {
    const modes = await Promise.all(
      [path, `${path}-wal`, join(path, '..')].map(async (file) => (await stat(file)).mode),
    );
    expect(modes.map((mode) => mode & 0o777)).toEqual([0o600, 0o600, 0o700]);
  });

  it('ends the leases of the server before, and keeps the rest', async () => {
    const id = await enqueue(store, { leaseUntil: NOW + 1000 });
    await store.close();
    store = await open();
    expect((await claimAll()).map((entry) => entry.id)).toEqual([id]);
  });

  it('refuses a second server and lets the next one in after the first', async () => {
    await expect(open()).rejects.toMatchObject({ code: 'store_locked' });
    await enqueue(store); // the first is unharmed
    await store.close();
    store = await open();
    expect((await store.counts()).queue).toBe(1);
  });

  it.each([
    ['noise', async () => writeFile(path, contentOf(20_000)), 'store_corrupt'],
    [
      "another program's database",
      async () => new SqliteDatabase(path).exec('CREATE TABLE music (title)').close(),
      'store_foreign',
    ],
    ['a directory', async () => mkdir(path), 'store_unavailable'],
  ])('refuses %s and names the path', async (_what, make, code) => {
    path = join(directory.path, 'other.db');
    await make();
    await expect(open()).rejects.toMatchObject({ code, message: expect.stringContaining(path) });
  });

  it('refuses a database that is newer than the program', async () => {
    await store.close();
    const db = new SqliteDatabase(path);
    db.pragma('user_version = 999');
    db.close();
    await expect(open()).rejects.toMatchObject({
      code: 'store_too_new',
      message: expect.stringContaining('999'),
    });
  });

  it('rejects what is asked after closing', async () => {
    await store.close();
    await expect(enqueue(store)).rejects.toMatchObject({ code: 'store_unavailable' });
    await store.close();
  });

  it('finishes what was asked before closing', async () => {
    const pending = Promise.all([enqueue(store), enqueue(store, { image: imageWith(contentOf(3_000_000)) })]);
    await store.close();
    await pending;
    store = await open();
    expect((await store.counts()).queue).toBe(2);
  });
});

describe('a tool beside the server', () => {
  it('sees and changes the queue, and leaves leases alone', async () => {
    const leased = await enqueue(store, { leaseUntil: NOW + 50 });
    const { quarantine } = await store.commit({ queue: [], quarantine: [held()] });
    const tool = await open('tool');
    try {
      expect((await tool.listQueue({ limit: 9 })).map(({ id }) => id)).toEqual([leased]);
      expect(await tool.release({ ids: quarantine, now: NOW, expiresAt: NOW + 9 })).toBe(1);
      expect((await claimAll()).map(({ id }) => id)).toEqual(quarantine);
      expect(await tool.removeQueue([leased])).toBe(1);
      await store.settle(leased, { remaining: [], nextAttemptAt: 0, lastReply: '250 ok' });
      expect((await store.counts()).queue).toBe(1);
    } finally {
      await tool.close();
    }
  });

  it('changes while the server writes, without an error on either side', async () => {
    const tool = await open('tool');
    try {
      const ids = await Promise.all(Array.from({ length: 100 }, () => enqueue(store)));
      const removals = ids.map((id) => tool.removeQueue([id]));
      const arrivals = ids.map(() => enqueue(store));
      const removed = await Promise.all(removals);
      await Promise.all(arrivals);
      expect(removed.every((count) => count === 1)).toBe(true);
      expect((await tool.counts()).queue).toBe(100);
    } finally {
      await tool.close();
    }
  });

  it('never makes a database', async () => {
    path = join(directory.path, 'none.db');
    await expect(open('tool')).rejects.toMatchObject({ code: 'store_missing' });
    await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

it('rejects everything and says so when its thread dies', async () => {
  await store.close();
  const started = new Promise<Worker>((resolve) => process.once('worker', resolve));
  store = await open();
  const pending = Promise.allSettled([enqueue(store), store.counts()]);
  await (await started).terminate();
  expect(await store.ended).toMatchObject({ code: 'store_unavailable' });
  for (const result of await pending) {
    expect(result).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } });
  }
  await expect(enqueue(store)).rejects.toMatchObject({ code: 'store_unavailable' });
  await store.close();
  store = await open(); // the lock died with it
});

it('gives room back to the file system', async () => {
  const id = await enqueue(store, { image: imageWith(contentOf(30_000_000)) });
  await store.close();
  const before = (await stat(path)).size;
  store = await open();
  await store.removeQueue([id]);
  await expect
    .poll(async () => (await stat(path)).size, { timeout: 15_000, interval: 100 })
    .toBeLessThan(before / 3);
});

it('refuses mail, but nothing else, when the file system is nearly full', async () => {
  const id = await enqueue(store);
  await store.close();
  store = await openSqliteStore({ path, role: 'server', log: silentLog, reserveOctets: 2 ** 60 });
  await expect(enqueue(store)).rejects.toMatchObject({
    code: 'store_unavailable',
    message: expect.stringContaining('are kept for emptying the queue'),
  });
  const mail = { queue: [queued()], quarantine: [] };
  await store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '550', mail });
  expect((await store.counts()).queue).toBe(1);
});

describe('the count of what broke a service', () => {
  const DAY = 24 * 60 * 60_000;

  it('counts each by itself, and keeps counting after a restart', async () => {
    const count = (fingerprint: string): Promise<number> => store.countBreak({ fingerprint, now: NOW + 0.5 });
    expect([await count('a'), await count('a'), await count('b')]).toEqual([1, 2, 1]);
    await store.close();
    store = await open();
    expect([await count('a'), await count('b')]).toEqual([3, 2]);
  });

  it('begins anew with what has not come again for five days', async () => {
    const count = (fingerprint: string, now: number): Promise<number> =>
      store.countBreak({ fingerprint, now });
    await count('a', NOW);
    await count('gone', NOW);
    expect(await count('a', NOW + 5 * DAY)).toBe(2);
    expect(await count('a', NOW + 10 * DAY + 1)).toBe(1);
    expect(query("SELECT count(*) FROM broken WHERE fingerprint = 'gone'")).toBe(0);
  });

  it('keeps ten thousand at most, the latest', async () => {
    const count = (fingerprint: string, now: number): Promise<number> =>
      store.countBreak({ fingerprint, now });
    await count('first', NOW);
    await count('second', NOW + 1);
    await Promise.all(Array.from({ length: 9_999 }, (_, at) => count(String(at), NOW + 2)));
    expect(query('SELECT count(*) FROM broken')).toBe(10_000);
    expect(await count('second', NOW + 3)).toBe(2);
    expect(await count('first', NOW + 3)).toBe(1);
  });
});
