import { closeSync, existsSync, mkdirSync, openSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import type { Database } from 'better-sqlite3';
import { OperationalError, describeError } from '../base/errors.ts';
import { migrate, MIGRATIONS, versionOf } from './schema.ts';

/**
 * Opens the database file with the settings that the promises rest on.
 *
 * A `server` makes the file (0600) and its directory (0700) if need be, migrates it, and holds a lock for as long as
 * it lives, so that no second server opens it. A `tool` (the command line) opens what is there beside a running server;
 * it migrates only where no server runs, and never makes the file: made by root, the server could not open it.
 */
export interface OpenDatabase {
  readonly db: Database;
  /** Closes the database and gives up the lock. */
  readonly close: () => void;
}

export type Role = 'server' | 'tool';

/**
 * How long one process waits for another's transaction. Those take milliseconds; but SQLite asks again and again instead of
 * queueing, so a tool beside a busy server needs luck, and time for it.
 */
const BUSY_TIMEOUT_MS = { server: 5000, tool: 30_000 } as const;
/** Pages of 4 KiB in the write-ahead log before SQLite moves them into the database: 16 MiB. */
const CHECKPOINT_PAGES = 4096;
const LOG_SIZE_LIMIT = 64 * 1024 * 1024;

const SECOND_SERVER = 'a Postern server has it open; a database serves one server at a time';
const NEWER_TOOL = 'this program is newer than the Postern server that has it open; restart the server first';

/** Throws OperationalError `store_missing store_locked store_corrupt store_foreign store_too_new store_unavailable`. */
export function openDatabase({ path, role }: { path: string; role: Role }): OpenDatabase {
  const open: Database[] = [];
  const close = () => {
    for (const database of open) database.close();
  };
  try {
    prepareFile({ path, role });
    // Symbolic links must not hide that two servers mean the same file.
    const file = realpathSync(path);
    if (role === 'server') open.push(lockFor(file, SECOND_SERVER));
    const db = new SqliteDatabase(file, { timeout: BUSY_TIMEOUT_MS[role] });
    open.unshift(db); // closed before the lock is given up
    configure(db);
    if (versionOf(db) < MIGRATIONS.length) {
      const lock = role === 'tool' ? lockFor(file, NEWER_TOOL) : undefined;
      migrate(db);
      lock?.close();
    }
    if (role === 'server') endLeases(db);
    return { db, close };
  } catch (error) {
    close();
    throw openingError(path, error);
  }
}

function prepareFile({ path, role }: { path: string; role: Role }): void {
  if (existsSync(path)) return;
  if (role === 'tool') {
    throw new OperationalError(
      'store_missing',
      'there is no such file; the server makes it when it first starts',
    );
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, 'a', 0o600));
}

function configure(db: Database): void {
  // The first three take effect only while the file is empty, and must come before the switch to WAL.
  db.pragma('page_size = 4096');
  db.pragma('auto_vacuum = INCREMENTAL');
  const mode = db.pragma('journal_mode = WAL', { simple: true });
  if (mode !== 'wal')
    throw new OperationalError('store_unavailable', 'its file system has no shared memory for WAL');
  // FULL: the log is synced at every commit. NORMAL would lose the last commits in a power cut.
  db.pragma('synchronous = FULL');
  db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
  db.pragma(`journal_size_limit = ${LOG_SIZE_LIMIT}`);
  db.pragma('cache_size = -32768');
  db.pragma('temp_store = MEMORY'); // savepoints' journals must not need room in /tmp
}

/**
 * The lock is SQLite's own on a small database beside the real one: the kernel drops it when the process ends, however
 * it ends. It can't be on the real one, which tools must be able to open.
 */
function lockFor(file: string, whyNot: string): Database {
  const path = `${file}.lock`;
  closeSync(openSync(path, 'a', 0o600));
  const lock = new SqliteDatabase(path, { timeout: 0 });
  try {
    lock.pragma('journal_mode = MEMORY'); // nothing is ever written: no journal beside it either
    lock.exec('BEGIN EXCLUSIVE');
    return lock;
  } catch (error) {
    lock.close();
    if (!sqliteCode(error).startsWith('SQLITE_BUSY')) throw error;
    throw new OperationalError('store_locked', whyNot);
  }
}

/** Whoever held a lease is gone with the process that gave it. */
function endLeases(db: Database): void {
  db.exec('UPDATE queue SET lease_until = 0, due_at = next_attempt_at WHERE lease_until > 0');
}

/** SQLite's extended result code, `SQLITE_IOERR_WRITE`; '' for any other error. */
export function sqliteCode(error: unknown): string {
  return error instanceof SqliteDatabase.SqliteError ? error.code : '';
}

function openingError(path: string, error: unknown): Error {
  const cannot = `Cannot open the store ${path}`;
  if (error instanceof OperationalError)
    return new OperationalError(error.code, `${cannot}: ${error.message}`);
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(sqliteCode(error))) {
    return new OperationalError(
      'store_corrupt',
      `${cannot}: it is not a sound SQLite database (${describeError(error)}). Move it away with its -wal and -shm ` +
        'files; then restore a backup, or save what is readable with `sqlite3 FILE .recover`',
      { cause: error },
    );
  }
  return new OperationalError('store_unavailable', `${cannot}: ${describeError(error)}`, { cause: error });
}
