import { join } from 'node:path';
import SqliteDatabase from 'better-sqlite3';
import { silentLog } from '../base/log.ts';
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts';
import { NOW, temporaryDirectory } from './testing.ts';

/** A store in a directory of its own, for the tests of the SQLite store. End it. */
export class StoreBench {
  readonly directory: string;
  /** Of the database. */
  path: string;
  /** The one that is open, as a test leaves it. */
  store!: SqliteStore;
  readonly #temporary: Awaited<ReturnType<typeof temporaryDirectory>>;

  private constructor(temporary: Awaited<ReturnType<typeof temporaryDirectory>>) {
    this.#temporary = temporary;
    this.directory = temporary.path;
    this.path = join(this.directory, 'mail', 'store.db');
  }

  static async begin(): Promise<StoreBench> {
    const bench = new StoreBench(await temporaryDirectory());
    bench.store = await bench.open();
    return bench;
  }

  open(role: 'server' | 'tool' = 'server'): Promise<SqliteStore> {
    return openSqliteStore({ path: this.path, role, log: silentLog });
  }

  claimAll(now = NOW): ReturnType<SqliteStore['claim']> {
    return this.store.claim({ now, leaseUntil: now + 100, limit: 100, except: [] });
  }

  /** A look into the file, past the store. */
  query(sql: string): unknown {
    const db = new SqliteDatabase(this.path, { readonly: true });
    try {
      return db.prepare(sql).pluck().get();
    } finally {
      db.close();
    }
  }

  async end(): Promise<void> {
    await this.store.close();
    await this.#temporary.remove();
  }
}
