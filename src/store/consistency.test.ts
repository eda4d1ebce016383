import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { expect, it, onTestFinished } from 'vitest';
import { silentLog } from '../base/log.ts';
import { openSqliteStore } from './sqlite-store.ts';
import type { NewMail } from './store.ts';
import { contentIn, held, imageWith, NOW, queued, temporaryDirectory } from './testing.ts';

/** mulberry32: a sequence that is the same in every run. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const SIZES = [10, 5000, 70_000, 300_000, 1_500_000];

it.each([1, 2, 3])('refers to every message rightly after any order of requests (seed %i)', async (seed) => {
  const directory = await temporaryDirectory();
  onTestFinished(() => directory.remove());
  const path = join(directory.path, 'store.db');
  const random = randomFrom(seed);
  const store = await openSqliteStore({ path, role: 'server', log: silentLog });
  /** Entry id → first octets of its message. */
  const queue = new Map<string, string>();
  const quarantine = new Map<string, string>();
  let made = 0;

  function newMail(): { mail: NewMail; marks: { queue: string[]; quarantine: string[] } } {
    const images = Array.from({ length: 1 + random(3) }, () => {
      const mark = `mark ${++made} `.padEnd(10);
      return { mark, image: imageWith(mark.repeat(SIZES[random(SIZES.length)]! / 10)) };
    });
    const pick = () => images[random(images.length)]!;
    const queuePicks = Array.from({ length: 1 + random(3) }, pick);
    const quarantinePicks = Array.from({ length: random(3) }, pick);
    return {
      mail: {
        queue: queuePicks.map(({ image }) => queued({ image })),
        quarantine: quarantinePicks.map(({ image }) => held({ image })),
      },
      marks: {
        queue: queuePicks.map(({ mark }) => mark),
        quarantine: quarantinePicks.map(({ mark }) => mark),
      },
    };
  }

  const anyOf = (entries: Map<string, string>) =>
    [...entries.keys()].filter(() => random(4) === 0).slice(0, 3);

  async function commit(): Promise<void> {
    const { mail, marks } = newMail();
    const ids = await store.commit(mail);
    for (const [index, id] of ids.queue.entries()) queue.set(id, marks.queue[index]!);
    for (const [index, id] of ids.quarantine.entries()) quarantine.set(id, marks.quarantine[index]!);
  }

  async function settle(): Promise<void> {
    const [id] = anyOf(queue);
    if (id === undefined) return;
    queue.delete(id);
    const bounce = queued({ image: imageWith(`bounce ${++made}`.padEnd(10)) });
    const mail = { queue: random(2) === 0 ? [bounce] : [], quarantine: [] };
    const { recipients, now, service, reason } = held();
    await store.settle(id, {
      remaining: [],
      nextAttemptAt: NOW,
      lastReply: '550',
      mail,
      ...(random(2) === 0 && { held: { recipients, now, service, reason } }),
    });
  }

  async function remove(): Promise<void> {
    const [ids, heldIds] = [anyOf(queue), anyOf(quarantine)];
    for (const id of ids) queue.delete(id);
    for (const id of heldIds) quarantine.delete(id);
    expect(await Promise.all([store.removeQueue(ids), store.removeQuarantine(heldIds)])).toEqual([
      ids.length,
      heldIds.length,
    ]);
  }

  async function release(): Promise<void> {
    const ids = anyOf(quarantine);
    for (const id of ids) {
      queue.set(id, quarantine.get(id)!);
      quarantine.delete(id);
    }
    await store.release({ ids, now: NOW, expiresAt: NOW });
  }

  const actions = [commit, commit, settle, remove, release];
  for (let round = 0; round < 40; round++) {
    await Promise.all([1, 2, 3].map(() => actions[random(actions.length)]!()));
  }
  for (const [id, mark] of queue) {
    const entry = (await store.showQueue(id))!;
    const content = (await contentIn(store, entry.messageId)).toString();
    expect(content).toBe(mark.repeat(entry.size / 10));
  }
  for (const id of quarantine.keys()) expect(await store.showQuarantine(id)).toBeDefined();
  await store.close();

  const db = new SqliteDatabase(path, { readonly: true });
  expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
  const wrong = db
    .prepare(
      `SELECT id, refs, (SELECT count(*) FROM queue WHERE message_id = message.id) +
         (SELECT count(*) FROM quarantine WHERE message_id = message.id) AS counted
       FROM message WHERE refs <> counted OR refs < 1`,
    )
    .all();
  expect(wrong).toEqual([]);
  expect(
    db
      .prepare('SELECT count(*) FROM message_chunk WHERE message_id NOT IN (SELECT id FROM message)')
      .pluck()
      .get(),
  ).toBe(0);
  db.close();
});
