import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openDatabase } from './database.ts';
import { temporaryDirectory } from './testing.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(async () => {
  await directory.remove();
});

// A kill does not show whether commits are synced; only a power cut would.
it.each(['server', 'tool'] as const)('syncs the log at every commit as %s', (role) => {
  const path = join(directory.path, 'store.db');
  openDatabase({ path, role: 'server' }).close();
  const { db, close } = openDatabase({ path, role });
  const settings = ['journal_mode', 'synchronous', 'auto_vacuum'].map((name) =>
    db.pragma(name, { simple: true }),
  );
  close();
  expect(settings).toEqual(['wal', 2, 2]);
});

it('lets a tool bring an old database up to date only where no server has it open', () => {
  const path = join(directory.path, 'store.db');
  const server = openDatabase({ path, role: 'server' });
  const version = server.db.pragma('user_version', { simple: true });
  const tables = server.db.prepare<[], string>(
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
  );
  for (const table of tables.pluck().all()) server.db.exec(`DROP TABLE ${table}`);
  server.db.pragma('user_version = 0');
  expect(() => openDatabase({ path, role: 'tool' })).toThrow('newer than the Postern server');
  server.close();
  const tool = openDatabase({ path, role: 'tool' });
  expect(tool.db.pragma('user_version', { simple: true })).toBe(version);
  openDatabase({ path, role: 'server' }).close(); // the tool gave the lock back
  tool.close();
});
