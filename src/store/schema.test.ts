import SqliteDatabase from 'better-sqlite3';
import type { Database } from 'better-sqlite3';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { migrate, MIGRATIONS, versionOf } from './schema.ts';

const FIRST = 'CREATE TABLE a (x TEXT) STRICT';
const SECOND = "ALTER TABLE a ADD COLUMN y TEXT NOT NULL DEFAULT 'new'";

let db: Database;

beforeEach(() => {
  db = new SqliteDatabase(':memory:');
});

afterEach(() => {
  db.close();
});

it('brings an empty database to the newest version', () => {
  migrate(db);
  expect(versionOf(db)).toBe(MIGRATIONS.length);
  expect(db.prepare('SELECT count(*) FROM queue').pluck().get()).toBe(0);
  migrate(db); // nothing left to do
  expect(versionOf(db)).toBe(MIGRATIONS.length);
});

it('applies to a database of an earlier version only what it lacks, and keeps the rows', () => {
  migrate(db, [FIRST]);
  db.exec("INSERT INTO a VALUES ('kept')");
  migrate(db, [FIRST, SECOND]);
  expect(versionOf(db, [FIRST, SECOND])).toBe(2);
  expect(db.prepare('SELECT * FROM a').all()).toEqual([{ x: 'kept', y: 'new' }]);
});

it('undoes a migration that fails half way and keeps those before it', () => {
  const broken = [FIRST, `${SECOND}; CREATE TABLE b (z TEXT); SELECT * FROM nothing`];
  expect(() => migrate(db, broken)).toThrow('nothing');
  expect(versionOf(db, broken)).toBe(1);
  expect(db.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['a']);
  migrate(db, [FIRST, SECOND]);
  expect(versionOf(db, [FIRST, SECOND])).toBe(2);
});

it('does not touch a database that is newer, or not ours', () => {
  migrate(db, [FIRST, SECOND]);
  expect(() => migrate(db, [FIRST])).toThrow('schema version 2, this program knows up to 1');
  db.pragma('application_id = 7');
  expect(() => migrate(db, [FIRST, SECOND])).toThrow('belongs to another program');
});
