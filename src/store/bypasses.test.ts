import { afterEach, beforeEach, expect, it } from 'vitest';
import { join } from 'node:path';
import { silentLog } from '../base/log.ts';
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts';
import { NOW, temporaryDirectory } from './testing.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let store: SqliteStore;
const open = async (): Promise<void> => {
  store = await openSqliteStore({ path: join(directory.path, 'store.db'), role: 'server', log: silentLog });
};
beforeEach(async () => {
  directory = await temporaryDirectory();
  await open();
});
afterEach(async () => {
  await store.close();
  await directory.remove();
});

const PAIR = { sender: 'Bob@Example.ORG', recipient: '"ann"@example.com' };
const bypass = (service: string, expiresAt = NOW + 1000) => ({ ...PAIR, service, now: NOW, expiresAt });
const find = (more: Partial<typeof PAIR & { now: number }> = {}) =>
  store.findBypasses({ sender: 'bob@example.org', recipient: 'Ann@example.com', now: NOW, ...more });

it('is found for its pair, however the addresses are spelt, until it ends, and after a restart', async () => {
  await store.addBypasses([bypass('spam'), bypass('grey', NOW + 0.5)]);
  await store.close();
  await open();
  expect([...(await find())].sort()).toEqual(['grey', 'spam']);
  expect(await find({ now: NOW + 999 })).toEqual(['spam']);
  expect(await find({ now: NOW + 1000 })).toEqual([]);
  expect(await find({ sender: 'eve@example.org' })).toEqual([]);
  expect(await find({ recipient: 'cid@example.com' })).toEqual([]);
});

it('is one for each service and pair: a new one changes its end', async () => {
  await store.addBypasses([bypass('spam')]);
  await store.addBypasses([bypass('spam', NOW + 5000)]);
  expect(await store.listBypasses({ limit: 10, now: NOW })).toMatchObject([
    { sender: 'bob@example.org', recipient: 'ann@example.com', service: 'spam', expiresAt: NOW + 5000 },
  ]);
});

it('is listed in pages without those that have ended, and can be removed', async () => {
  const services = ['a', 'b', 'c'];
  await store.addBypasses(services.map((service) => bypass(service)));
  await store.addBypasses([bypass('ended', NOW)]);
  const first = await store.listBypasses({ limit: 2, now: NOW });
  const rest = await store.listBypasses({ limit: 2, now: NOW, after: first[1]!.id });
  expect([...first, ...rest].map(({ service }) => service).sort()).toEqual(services);
  expect(await store.removeBypasses([first[0]!.id, 'no such id'])).toBe(1);
  expect(await find()).not.toContain(first[0]!.service);
});
