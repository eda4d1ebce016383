import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { mailOf, openDelivery } from '../../test/support/delivery.ts';
import { ScriptedMta } from '../../test/support/scripted-mta.ts';
import { newId } from '../base/ids.ts';
import { silentLog } from '../base/log.ts';
import { ServedNotes } from './served-notes.ts';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'notes-'));
  path = join(directory, 'served');
});

afterEach(() => rmSync(directory, { recursive: true }));

it('finds again what it noted, at once and without an end in good order', () => {
  const notes = new ServedNotes(path, silentLog);
  expect(notes.left).toEqual([]);
  const ids = [newId(), newId()];
  for (const id of ids) expect(notes.note(id)).toBe(true);
  const again = new ServedNotes(path, silentLog);
  expect(again.left).toEqual(ids);
  notes.close();
  again.close();
});

it('drops what is settled once there is much of it, and nothing else', () => {
  const notes = new ServedNotes(path, silentLog);
  const kept = newId();
  notes.note(kept);
  for (let at = 0; at < 40_000; at++) {
    const id = newId();
    notes.note(id);
    notes.settled(id);
  }
  notes.close();
  expect(statSync(path).size).toBeLessThanOrEqual(256 * 1024 + 19);
  const again = new ServedNotes(path, silentLog);
  expect(again.left).toContain(kept);
  again.close();
});

it('passes over what is no id', () => {
  const id = newId();
  writeFileSync(path, `\0\0\0\n${id}\n${id.slice(0, 7)}`);
  const notes = new ServedNotes(path, silentLog);
  expect(notes.left).toEqual([id]);
  const next = newId();
  notes.note(next);
  notes.close();
  expect(readFileSync(path, 'latin1')).toBe(`${id}\n${next}\n`);
});

it('keeps what was noted before a kill from being sent again, and nothing else', async () => {
  const mx = new ScriptedMta({ protocol: 'lmtp' });
  await mx.start();
  const options = { directory, ports: { mx: mx.port, back: mx.port }, log: silentLog };
  // A gate that commits and never delivers: its downstream hangs, and it is then gone.
  mx.script = { data: () => new Promise(() => {}) };
  const killed = await openDelivery(options);
  const stored = [];
  for (const text of ['Subject: noted\r\n\r\n', 'Subject: not noted\r\n\r\n']) {
    stored.push(...(await killed.forwarder.store(mailOf({ text }))).ids);
  }
  await killed.close(0);
  writeFileSync(path, `${stored[0]}\n`);

  mx.script = {};
  const next = await openDelivery(options);
  await vi.waitFor(async () => expect((await next.store.counts()).queue).toBe(0), { timeout: 10_000 });
  expect(mx.mails.map(({ text }) => text)).toEqual(['Subject: not noted\r\n\r\n']);
  await next.close(1000);
  await mx.stop();
});
