import type { Database } from 'better-sqlite3';
import { OperationalError, describeError } from '../base/errors.ts';
import { sqliteCode } from './database.ts';
import type { Steps } from './writes.ts';

/** What became of one request's step after its transaction. */
export type StepOutcome =
  | { readonly kind: 'done'; readonly value: unknown }
  /** Its step is on disk; it has more to do. */
  | { readonly kind: 'more' }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface Transactions {
  /**
   * The next step of each request, all in one transaction with one sync: the group commit. Outcomes are in the order of the
   * requests. A request that fails by itself is undone by its savepoint and leaves its neighbours alone; a disk
   * that fails undoes the whole transaction, and every request in it gets `store_unavailable`.
   */
  run(requests: readonly Steps<unknown>[]): StepOutcome[];
  readonly commits: number;
  readonly failedCommits: number;
}

/** Errors of the request itself. Any other that SQLite reports is the disk's or the database's. */
const REQUEST_ERRORS = /^SQLITE_(CONSTRAINT|TOOBIG|MISMATCH|RANGE|ERROR)/;

export function transactionsOf(db: Database, path: string): Transactions {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');
  const rollback = db.prepare('ROLLBACK');
  const savepoint = db.prepare('SAVEPOINT request');
  const undo = db.prepare('ROLLBACK TO request');
  const release = db.prepare('RELEASE request');
  const counted = { commits: 0, failedCommits: 0 };

  function step(request: Steps<unknown>): StepOutcome {
    savepoint.run();
    try {
      const { done, value } = request.next();
      release.run();
      return done === true ? { kind: 'done', value } : { kind: 'more' };
    } catch (error) {
      const code = sqliteCode(error);
      if (!db.inTransaction || (code !== '' && !REQUEST_ERRORS.test(code))) throw error;
      undo.run();
      release.run();
      return { kind: 'failed', error };
    }
  }

  function fail(requests: readonly Steps<unknown>[], cause: unknown): StepOutcome[] {
    counted.failedCommits++;
    // SQLite may have rolled back already; and on a broken disk this can fail too, which changes nothing.
    try {
      if (db.inTransaction) rollback.run();
    } catch {}
    for (const request of requests) request.return(undefined); // closes its spool
    const message = `Cannot write to the store ${path}: ${describeError(cause)}`;
    const error = new OperationalError('store_unavailable', message, { cause });
    return requests.map(() => ({ kind: 'failed', error }));
  }

  return {
    run(requests) {
      try {
        begin.run();
        const outcomes = requests.map(step);
        commit.run();
        counted.commits++;
        return outcomes;
      } catch (error) {
        return fail(requests, error);
      }
    },
    get commits() {
      return counted.commits;
    },
    get failedCommits() {
      return counted.failedCommits;
    },
  };
}
