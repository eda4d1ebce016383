import type { Database } from 'better-sqlite3';
import type { Operations } from './protocol.ts';

/** A client that keeps a message for longer gives it up about then. */
const KEPT_MS = 5 * 24 * 60 * 60_000;
/** About 2 MiB. Whoever has messages that break a service can fill it: what is lost then are counts, not mail. */
const MOST_ROWS = 10_000;

/** Counts how often each message broke a service, among those of the last days. */
export function breaksOf(db: Database): (request: Operations['countBreak']['request']) => number {
  const forgetOld = db.prepare('DELETE FROM broken WHERE last_at < ?');
  const count = db
    .prepare<[string, number], number>(
      `INSERT INTO broken (fingerprint, times, last_at) VALUES (?, 1, ?)
       ON CONFLICT (fingerprint) DO UPDATE SET times = times + 1, last_at = excluded.last_at
       RETURNING times`,
    )
    .pluck();
  const forgetOldest = db.prepare(
    `DELETE FROM broken WHERE fingerprint IN
       (SELECT fingerprint FROM broken ORDER BY last_at DESC LIMIT -1 OFFSET ${MOST_ROWS})`,
  );

  return ({ fingerprint, now }) => {
    forgetOld.run(now - KEPT_MS);
    const times = count.get(fingerprint, now)!;
    // Only a new one can be one too many.
    if (times === 1) forgetOldest.run();
    return times;
  };
}
