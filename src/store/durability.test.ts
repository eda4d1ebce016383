import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { workerUrl } from '../base/worker-url.ts';
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts';
import { contentIn, contentOf, enqueue, imageWith, NOW, temporaryDirectory } from './testing.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(async () => {
  await directory.remove();
});

/** Commits as fast as it can; prints `id sha256` of a message only once its promise has resolved. */
const ENQUEUER = `
  import { createHash, randomBytes } from 'node:crypto';
  const [storeUrl, testingUrl, path] = process.argv.slice(2);
  const { openSqliteStore } = await import(storeUrl);
  const { enqueue, imageWith } = await import(testingUrl);
  const { silentLog } = await import(new URL('../base/log.js', storeUrl));
  const store = await openSqliteStore({ path, role: 'server', log: silentLog });
  const sizes = [100, 4096, 70_000, 400_000, 3_000_000];
  await Promise.all(Array.from({ length: 10 }, async () => {
    for (let i = 0; ; i++) {
      const octets = randomBytes(sizes[i % sizes.length]);
      const id = await enqueue(store, { image: imageWith(octets) });
      process.stdout.write(id + ' ' + createHash('sha256').update(octets).digest('hex') + '\\n');
    }
  }));
`;

async function enqueueUntilKilled(path: string, count: number): Promise<Map<string, string>> {
  const urls = ['./sqlite-store.ts', './testing.ts'].map((name) => workerUrl(name, import.meta.url).href);
  const script = join(directory.path, 'enqueuer.mjs');
  await writeFile(script, ENQUEUER);
  const child = spawn(process.execPath, [script, ...urls, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const promised = new Map<string, string>();
  for await (const line of createInterface({ input: child.stdout })) {
    const [id, hash] = line.split(' ');
    // The kill may cut the last line; what was not printed whole was not promised.
    if (hash?.length === 64) promised.set(id!, hash);
    if (promised.size === count) child.kill('SIGKILL');
  }
  return promised;
}

it('keeps every message whose commit resolved, through kills at any moment', async () => {
  const path = join(directory.path, 'store.db');
  const promised = new Map<string, string>();
  for (const count of [3, 40, 111]) {
    for (const [id, hash] of await enqueueUntilKilled(path, count)) promised.set(id, hash);
  }
  expect(promised.size).toBeGreaterThanOrEqual(154);

  const store = await openSqliteStore({ path, role: 'server', log: silentLog });
  for (const [id, hash] of promised) {
    const entry = await store.showQueue(id);
    const octets = await contentIn(store, entry!.messageId);
    expect(createHash('sha256').update(octets).digest('hex')).toBe(hash);
  }
  await store.close();
});

// A real file system that is really full: needs the right to mount one.
const canMount = process.getuid?.() === 0 && process.platform === 'linux' && mountWorks();

function run(program: string, ...options: string[]): void {
  execFileSync(program, options, { stdio: 'ignore' });
}

function mountWorks(): boolean {
  try {
    run('unshare', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp');
    return true;
  } catch {
    return false;
  }
}

describe.runIf(canMount)('on a full disk', () => {
  let mount: string;
  let store: SqliteStore;

  beforeEach(async () => {
    mount = join(directory.path, 'disk');
    await mkdir(mount);
    run('mount', '-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', mount);
    store = await openSqliteStore({
      path: join(mount, 'store.db'),
      role: 'server',
      log: silentLog,
      reserveOctets: 0,
    });
    await writeFile(join(mount, 'ballast'), Buffer.alloc(9_000_000));
  });

  afterEach(async () => {
    await store.close();
    run('umount', mount);
  });

  it('rejects the batch as a whole, keeps what it promised, and works again when there is room', async () => {
    const kept: string[] = [];
    const small = () => enqueue(store, { image: imageWith(contentOf(4000)) });
    const batch = () => Promise.allSettled(Array.from({ length: 50 }, small));
    let results = await batch();
    while (results.every((result) => result.status === 'fulfilled')) {
      kept.push(...results.map(({ value }) => value));
      results = await batch();
    }
    expect(new Set(results.map(({ status }) => status))).toEqual(new Set(['rejected']));
    const rejected = results.find((result) => result.status === 'rejected')?.reason;
    expect(rejected).toMatchObject({ code: 'store_unavailable', message: expect.stringContaining('full') });
    expect(store.stats().failedCommits).toBeGreaterThan(0);
    expect((await store.counts()).queue).toBe(kept.length);

    await rm(join(mount, 'ballast'));
    kept.push(await small());
    const entries = await store.claim({ now: NOW, leaseUntil: NOW, limit: 10_000, except: [] });
    expect(entries.map(({ id }) => id).toSorted()).toEqual(kept.toSorted());
    for (const { messageId, size } of entries) expect((await contentIn(store, messageId)).length).toBe(size);
  });

  it('leaves nothing of a large message that did not fit', async () => {
    const large = () => enqueue(store, { image: imageWith(contentOf(5_000_000)) });
    await expect(large()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(await store.counts()).toEqual({ queue: 0, quarantine: 0 });
    await rm(join(mount, 'ballast'));
    // Its first steps took room until they were swept: without that, this would not fit either.
    const id = await large();
    expect((await store.showQueue(id))!.size).toBe(5_000_000);
  });
});
