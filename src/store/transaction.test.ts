import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { temporaryDirectory } from './testing.ts';
import { transactionsOf, type Transactions } from './transaction.ts';
import type { Steps } from './writes.ts';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let path: string;
let db: Database;
let transactions: Transactions;
const ended: string[] = [];

beforeEach(async () => {
  directory = await temporaryDirectory();
  path = join(directory.path, 'test.db');
  db = new SqliteDatabase(path, { timeout: 0 });
  db.pragma('journal_mode = WAL');
  db.exec('CREATE TABLE t (name TEXT PRIMARY KEY, bytes BLOB)');
  transactions = transactionsOf(db, path);
  ended.length = 0;
});

afterEach(async () => {
  db.close();
  await directory.remove();
});

function* insert(name: string, { size = 10, steps = 1 } = {}): Steps<string> {
  try {
    for (let step = 1; step <= steps; step++) {
      db.prepare('INSERT INTO t VALUES (?, zeroblob(?))').run(`${name}${step}`, size);
      if (step < steps) yield;
    }
    return name;
  } finally {
    ended.push(name);
  }
}

const names = () => db.prepare('SELECT name FROM t ORDER BY name').pluck().all();

it('does one step of each request in one commit', () => {
  const long = insert('long', { steps: 2 });
  expect(transactions.run([insert('a'), long])).toEqual([{ kind: 'done', value: 'a' }, { kind: 'more' }]);
  expect(names()).toEqual(['a1', 'long1']);
  expect(transactions.run([long])).toEqual([{ kind: 'done', value: 'long' }]);
  expect(transactions.commits).toBe(2);
});

it('undoes a request that fails and keeps its neighbours', () => {
  function* failing(): Steps<never> {
    yield* insert('undone');
    throw new Error('bad spool');
  }
  const outcomes = transactions.run([insert('a'), failing(), insert('a'), insert('b')]);
  expect(outcomes.map(({ kind }) => kind)).toEqual(['done', 'failed', 'failed', 'done']);
  expect(names()).toEqual(['a1', 'b1']);
  expect(transactions.failedCommits).toBe(0);
});

it('undoes all of them when the disk is full, and goes on when it is not', () => {
  db.pragma(`max_page_count = ${Number(db.pragma('page_count', { simple: true })) + 20}`);
  const long = insert('long', { steps: 2 });
  const outcomes = transactions.run([insert('a'), long, insert('large', { size: 200_000 }), insert('b')]);
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ kind: 'failed', error: { code: 'store_unavailable' } });
  }
  expect(ended).toContain('long'); // it had a spool open
  expect(names()).toEqual([]);
  expect(transactions.run([insert('a')])).toEqual([{ kind: 'done', value: 'a' }]);
  expect(transactions.failedCommits).toBe(1);
});

it('fails, and does not hang, while another process keeps the database', () => {
  const other = new SqliteDatabase(path);
  other.exec('BEGIN IMMEDIATE');
  expect(transactions.run([insert('a')])).toMatchObject([
    { kind: 'failed', error: { code: 'store_unavailable', message: expect.stringContaining(path) } },
  ]);
  other.exec('COMMIT');
  other.close();
  expect(transactions.run([insert('b')])).toEqual([{ kind: 'done', value: 'b' }]);
});
