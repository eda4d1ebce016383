import type { Database } from 'better-sqlite3';
import type { Operations, QueueRow } from './protocol.ts';
import { QUEUE_COLUMNS } from './reads.ts';

type Claim = (request: Operations['claim']['request']) => QueueRow[];

interface Candidate {
  readonly number: number;
  readonly dueAt: number;
}

/**
 * Finds and leases what is due. It asks the index for each downstream on its own, so that its cost follows the entries it
 * gives and the number of downstreams, never the backlog of one that is left alone.
 */
export function claimOf(db: Database): Claim {
  // Jumps from one name to the next in the index instead of reading every entry.
  const downstreams = db
    .prepare<[], string>(
      `WITH RECURSIVE names (name) AS (
         SELECT min(downstream) FROM queue
         UNION ALL
         SELECT (SELECT min(downstream) FROM queue WHERE downstream > name) FROM names WHERE name IS NOT NULL
       )
       SELECT name FROM names WHERE name IS NOT NULL`,
    )
    .pluck();
  const dueFor = db.prepare<[string, number, number], Candidate>(
    `SELECT number, due_at AS dueAt FROM queue WHERE downstream = ? AND due_at <= ?
     ORDER BY due_at, number LIMIT ?`,
  );
  // Few at any time: whoever claims an expired entry settles it for good.
  const expired = db.prepare<[number, number, string, number], Candidate>(
    `SELECT number, due_at AS dueAt FROM queue INDEXED BY queue_expiry
     WHERE expires_at <= ? AND due_at <= ? AND downstream IN (SELECT value FROM json_each(?))
     ORDER BY due_at, number LIMIT ?`,
  );
  const lease = db.prepare<[number, number, number], QueueRow>(
    `UPDATE queue SET lease_until = ?, due_at = max(?, next_attempt_at) WHERE number = ?
     RETURNING ${QUEUE_COLUMNS}`,
  );

  return ({ now, leaseUntil, limit, except }) => {
    const candidates = downstreams
      .all()
      .filter((name) => !except.includes(name))
      .flatMap((name) => dueFor.all(name, now, limit));
    if (except.length > 0) candidates.push(...expired.all(now, now, JSON.stringify(except), limit));
    candidates.sort((a, b) => a.dueAt - b.dueAt || a.number - b.number);
    return candidates.slice(0, limit).map(({ number }) => lease.get(leaseUntil, leaseUntil, number)!);
  };
}
