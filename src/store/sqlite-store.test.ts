import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SpoolWriter } from '../base/spool.ts';
import { applySplices, imageOf, isProblem } from '../mail/image.ts';
import { StoreBench } from './sqlite-store-testing.ts';
import { contentIn, contentOf, enqueue, held, imageWith, NOW, queued } from './testing.ts';

let bench: StoreBench;
beforeEach(async () => {
  bench = await StoreBench.begin();
});
afterEach(async () => bench.end());

describe('the queue', () => {
  it('gives back what was committed', async () => {
    const image = imageWith('Subject: a\r\n\r\nb\r\n');
    const { queue } = await bench.store.commit({ queue: [queued({ image })], quarantine: [] });
    const [entry] = await bench.claimAll();
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
    expect((await contentIn(bench.store, entry!.messageId)).toString()).toBe('Subject: a\r\n\r\nb\r\n');
  });

  it('claims what is due, oldest first, and nothing twice while the lease lasts', async () => {
    const later = await enqueue(bench.store, { nextAttemptAt: NOW + 20 });
    const first = await enqueue(bench.store, { nextAttemptAt: NOW - 20 });
    const second = await enqueue(bench.store, { nextAttemptAt: NOW - 10 });
    expect(
      (await bench.store.claim({ now: NOW, leaseUntil: NOW + 100, limit: 1, except: [] })).map(
        ({ id }) => id,
      ),
    ).toEqual([first]);
    expect((await bench.claimAll()).map(({ id }) => id)).toEqual([second]);
    expect(await bench.claimAll()).toEqual([]);
    expect((await bench.claimAll(NOW + 20)).map(({ id }) => id)).toEqual([later]);
    expect((await bench.claimAll(NOW + 100)).map(({ id }) => id)).toEqual([first, second]);
  });

  it('leaves an entry that was committed with a lease to who committed it', async () => {
    const id = await enqueue(bench.store, { leaseUntil: NOW + 50 });
    expect(await bench.claimAll(NOW + 49)).toEqual([]);
    expect((await bench.claimAll(NOW + 50)).map((entry) => entry.id)).toEqual([id]);
  });

  it('claims nothing for the downstreams that are left alone, but what has expired', async () => {
    const stays = { downstream: 'slow', nextAttemptAt: NOW - 5 };
    await enqueue(bench.store, stays);
    const ready = await enqueue(bench.store, { downstream: 'fast' });
    const expired = await enqueue(bench.store, { ...stays, expiresAt: NOW });
    await enqueue(bench.store, { ...stays, expiresAt: NOW, leaseUntil: NOW + 1 });
    const request = { now: NOW, leaseUntil: NOW + 50, limit: 9, except: ['slow', 'unknown'] };
    expect((await bench.store.claim({ ...request, limit: 1 })).map(({ id }) => id)).toEqual([expired]);
    expect((await bench.store.claim(request)).map(({ id }) => id)).toEqual([ready]);
    expect(await bench.store.claim(request)).toEqual([]);
    expect(await bench.claimAll()).toHaveLength(1);
  });

  it('keeps what remains after an attempt and forgets what is settled', async () => {
    const two = [
      { address: 'a@example.com', params: {} },
      { address: 'b@example.com', params: {} },
    ];
    const id = await enqueue(bench.store, { recipients: two });
    await bench.claimAll();
    await bench.store.settle(id, { remaining: [two[1]!], nextAttemptAt: NOW + 5, lastReply: '451 later' });
    expect(await bench.claimAll(NOW + 4)).toEqual([]);
    const [entry] = await bench.claimAll(NOW + 5);
    expect(entry).toMatchObject({ id, recipients: [two[1]], attempts: 1, lastReply: '451 later' });
    await bench.store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '250 ok' });
    expect(await bench.store.counts()).toEqual({ queue: 0, quarantine: 0 });
    await expect(bench.store.read(entry!.messageId, { offset: 0, length: 1 })).rejects.toMatchObject({
      code: 'message_missing',
    });
  });

  it('stores the bounce in the commit that removes the entry', async () => {
    const id = await enqueue(bench.store);
    const bounce = queued({ image: imageWith('bounce'), sender: { address: '', params: {} } });
    const mail = { queue: [bounce], quarantine: [] };
    await bench.store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '550 no', mail });
    const entries = await bench.store.listQueue({ limit: 10 });
    expect(entries.map(({ sender }) => sender.address)).toEqual(['']);
    // Settled already: neither an error nor a second bounce.
    await bench.store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '550 no', mail });
    expect((await bench.store.counts()).queue).toBe(1);
  });

  it('holds the message of an entry in the commit that ends it for those recipients', async () => {
    const [a, b] = ['a@example.com', 'b@example.com'].map((address) => ({ address, params: {} }));
    const id = await enqueue(bench.store, { recipients: [a!, b!], image: imageWith('octets') });
    const why = { now: NOW + 7, service: 'delivery', reason: 'cannot be delivered or bounced' };
    const end = { nextAttemptAt: NOW, lastReply: '550 no' };
    await bench.store.settle(id, { ...end, remaining: [b!], held: { ...why, recipients: [a!] } });
    await bench.store.settle(id, { ...end, remaining: [], held: { ...why, recipients: [b!] } });
    await bench.store.settle(id, { ...end, remaining: [], held: { ...why, recipients: [b!] } });

    expect(await bench.store.counts()).toEqual({ queue: 0, quarantine: 2 });
    const entries = await bench.store.listQuarantine({ limit: 10 });
    const common = { transaction: 'session-1', downstream: 'store', sender: queued().sender };
    const { now, ...told } = why;
    expect(entries).toMatchObject(
      [a, b].map((one) => ({ ...common, ...told, recipients: [one], createdAt: now })),
    );
    expect((await contentIn(bench.store, entries[0]!.messageId)).toString()).toBe('octets');
    await bench.store.removeQuarantine([entries[0]!.id]);
    expect((await contentIn(bench.store, entries[1]!.messageId)).toString()).toBe('octets');
    await bench.store.removeQuarantine([entries[1]!.id]);
    await expect(contentIn(bench.store, entries[1]!.messageId)).rejects.toMatchObject({
      code: 'message_missing',
    });
  });

  it('lists by pages in the order of arrival', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(await enqueue(bench.store));
    const first = await bench.store.listQueue({ limit: 3 });
    const second = await bench.store.listQueue({ limit: 3, after: first.at(-1)!.id });
    expect([...first, ...second].map(({ id }) => id)).toEqual(ids);
    expect(await bench.store.showQueue(ids[1]!)).toMatchObject({ id: ids[1] });
    expect(await bench.store.showQueue('nobody')).toBeUndefined();
  });

  it('makes entries due, but leaves a leased one to its attempt', async () => {
    const waiting = await enqueue(bench.store, { nextAttemptAt: NOW + 500 });
    const other = await enqueue(bench.store, { nextAttemptAt: NOW + 500 });
    const leased = await enqueue(bench.store, { nextAttemptAt: NOW, leaseUntil: NOW + 50 });
    expect(await bench.store.retry({ ids: [waiting, leased, 'nobody'], now: NOW })).toBe(2);
    expect((await bench.claimAll()).map(({ id }) => id)).toEqual([waiting]);
    expect(await bench.store.retry({ now: NOW })).toBe(3);
    expect((await bench.claimAll()).map(({ id }) => id)).toEqual([other]);
  });

  it('makes more entries due than one step takes', async () => {
    const entry = queued({ nextAttemptAt: NOW + 500 });
    await bench.store.commit({ queue: Array.from({ length: 1203 }, () => entry), quarantine: [] });
    expect(await bench.store.retry({ now: NOW })).toBe(1203);
    expect(await bench.store.claim({ now: NOW, leaseUntil: NOW + 1, limit: 5000, except: [] })).toHaveLength(
      1203,
    );
  });

  it('removes entries; an attempt under way then settles nothing', async () => {
    const id = await enqueue(bench.store);
    await bench.claimAll();
    expect(await bench.store.removeQueue([id, 'nobody'])).toBe(1);
    await bench.store.settle(id, { remaining: [], nextAttemptAt: 0, lastReply: '250 ok' });
    expect(bench.query('SELECT count(*) FROM message')).toBe(0);
  });
});

describe('the quarantine', () => {
  it('holds, shows, releases once and removes', async () => {
    const { quarantine } = await bench.store.commit({ queue: [], quarantine: [held(), held()] });
    const [id, other] = quarantine;
    expect(await bench.store.claim({ now: NOW * 2, leaseUntil: NOW * 2, limit: 9, except: [] })).toEqual([]);
    expect(await bench.store.showQuarantine(id!)).toMatchObject({
      id,
      service: 'virus',
      reason: 'EICAR',
      size: 24,
    });
    const request = { ids: [id!], now: NOW + 7, expiresAt: NOW + 70 };
    expect(await bench.store.release(request)).toBe(1);
    expect(await bench.store.release(request)).toBe(0);
    const [entry] = await bench.claimAll(NOW + 7);
    expect(entry).toMatchObject({ downstream: 'store', createdAt: NOW + 7, expiresAt: NOW + 70 });
    expect((await contentIn(bench.store, entry!.messageId)).toString()).toContain('hello');
    expect((await bench.store.listQuarantine({ limit: 9 })).map((entry) => entry.id)).toEqual([other]);
    expect(await bench.store.removeQuarantine([other!])).toBe(1);
    expect(await bench.store.counts()).toEqual({ queue: 1, quarantine: 0 });
  });
});

describe('message content', () => {
  it('is kept once for all entries that share an image, until the last is gone', async () => {
    const image = imageWith('shared');
    const { queue, quarantine } = await bench.store.commit({
      queue: [queued({ image }), queued({ image }), queued()],
      quarantine: [held({ image })],
    });
    expect(bench.query('SELECT count(*) FROM message')).toBe(2);
    const { messageId } = (await bench.store.showQueue(queue[0]!))!;
    await bench.store.removeQueue([queue[0]!, queue[1]!]);
    expect((await contentIn(bench.store, messageId)).toString()).toBe('shared');
    await bench.store.removeQuarantine(quarantine);
    expect(bench.query('SELECT count(*) FROM message')).toBe(1);
  });

  it.each([0, 1, 65_536, 65_537, 262_144, 262_145, 1_048_576, 1_048_577, 5_000_001])(
    'of %i octets comes back as it was',
    async (size) => {
      const octets = contentOf(size);
      await enqueue(bench.store, { image: imageWith(octets) });
      const [entry] = await bench.claimAll();
      expect(entry!.size).toBe(size);
      expect((await contentIn(bench.store, entry!.messageId)).equals(octets)).toBe(true);
      const end = await bench.store.read(entry!.messageId, { offset: Math.max(0, size - 2), length: 10 });
      expect(Buffer.from(end).equals(octets.subarray(Math.max(0, size - 2)))).toBe(true);
    },
  );

  it('is read from a spool file with splices applied', async () => {
    const writer = new SpoolWriter(bench.directory);
    const octets = contentOf(2_000_000);
    await writer.write(octets);
    const spool = await writer.finish();
    const image = applySplices(imageOf(spool.handle), [
      { offset: 0, remove: 0, bytes: Buffer.from('X-Added: 1\r\n') },
      { offset: 700_000, remove: 300_000, bytes: contentOf(0) },
    ]);
    if (isProblem(image)) throw new Error(image.problem);
    await enqueue(bench.store, { image });
    await spool.discard();
    const [entry] = await bench.claimAll();
    const expected = Buffer.concat([
      Buffer.from('X-Added: 1\r\n'),
      octets.subarray(0, 700_000),
      octets.subarray(1_000_000),
    ]);
    expect((await contentIn(bench.store, entry!.messageId)).equals(expected)).toBe(true);
  });

  it('leaves nothing behind when a large one is removed', async () => {
    const id = await enqueue(bench.store, { image: imageWith(contentOf(5_000_000)) });
    expect(bench.query('SELECT count(*) FROM message_chunk')).toBe(20);
    await bench.store.removeQueue([id]);
    await bench.store.close(); // finishes the sweep
    bench.store = await bench.open();
    expect(bench.query('SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM message_chunk)')).toBe(
      0,
    );
  });

  it('lets small mail pass while a large message is written', async () => {
    const done: string[] = [];
    const large = enqueue(bench.store, { image: imageWith(contentOf(25_000_000)) }).then(() =>
      done.push('large'),
    );
    while (!done.includes('large')) {
      await enqueue(bench.store);
      done.push('small');
    }
    await large;
    expect(done.indexOf('large')).toBeGreaterThan(3);
  });
});

describe('the group commit', () => {
  it('needs far fewer commits than requests', async () => {
    await Promise.all(Array.from({ length: 400 }, () => enqueue(bench.store)));
    const { writes, commits } = bench.store.stats();
    expect(writes).toBe(400);
    expect(commits).toBeLessThan(20);
    expect((await bench.store.counts()).queue).toBe(400);
  });

  it('leaves the neighbours of a request that fails alone', async () => {
    const gone = { kind: 'file', path: join(bench.directory, 'gone.eml'), size: 9 } as const;
    const bad = queued({ image: imageOf(gone) });
    await enqueue(bench.store);
    const before = bench.store.stats().commits;
    const results = await Promise.allSettled([
      enqueue(bench.store),
      bench.store.commit({ queue: [queued(), bad], quarantine: [held()] }),
      enqueue(bench.store),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: { code: 'spool_unreadable' } });
    expect(await bench.store.counts()).toEqual({ queue: 3, quarantine: 0 });
    expect(bench.query('SELECT count(*) FROM message')).toBe(3);
    expect(bench.store.stats().commits - before).toBe(1);
  });

  it('undoes a large message whose spool ends too early', async () => {
    const short = join(bench.directory, 'short.eml');
    await writeFile(short, contentOf(3_000_000));
    const image = imageOf({ kind: 'file', path: short, size: 9_000_000 });
    await expect(enqueue(bench.store, { image })).rejects.toMatchObject({ code: 'spool_unreadable' });
    const left = () =>
      bench.query('SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM message_chunk)');
    await expect.poll(left).toBe(0);
  });
});
