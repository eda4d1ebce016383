import type { Database, Statement } from 'better-sqlite3';
import { newId } from '../base/ids.ts';
import type { BlobTable } from './blob-table.ts';
import type { BypassTable } from './bypasses.ts';
import { breaksOf } from './broken.ts';
import { claimOf } from './claim.ts';
import { sizeOf, STEP_OCTETS, type Contents, type NewContent } from './content.ts';
import type { IncidentTable } from './incidents.ts';
import type { KeyValueTable } from './key-values.ts';
import type {
  Operations,
  Request,
  WireMail,
  WireQuarantineEntry,
  WireQueueEntry,
  WireSettlement,
  WriteOperation,
} from './protocol.ts';

/**
 * The requests that change something, each as a generator: it yields where its transaction must end so that others are
 * not kept waiting, and returns the result. A commit is whole: nothing shows before its last step. Removals, releases and
 * retries of many entries are not, and need not be: a step done is done.
 */
export type Steps<T> = Generator<undefined, T>;

export type Writes = {
  [K in WriteOperation]: (request: Operations[K]['request']) => Steps<Operations[K]['result']>;
};

/** Entries that a step removes, releases or makes due at most. */
const STEP_ENTRIES = 500;

/** True if the request may take more than one step. */
export function takesSteps(request: Request<WriteOperation>): boolean {
  const { op } = request;
  if (op === 'commit' || op === 'settle') return octetsIn(request) > STEP_OCTETS;
  if (
    op !== 'retry' &&
    op !== 'release' &&
    op !== 'removeQueue' &&
    op !== 'removeQuarantine' &&
    op !== 'removeBypasses'
  )
    return false;
  const { ids } = request.request;
  return ids === undefined || ids.length > STEP_ENTRIES;
}

/** Octets of content that the request brings. */
export function octetsIn(request: Request<WriteOperation>): number {
  if (request.op === 'kvPut') return request.request.value.length;
  const mail =
    request.op === 'commit' ? request.request : request.op === 'settle' ? request.request.mail : undefined;
  return mail === undefined ? 0 : sizeOf(contentsIn(mail));
}

/** The images of a mail, each with how many entries refer to it. */
function contentsIn(mail: WireMail): NewContent[] {
  const refs = mail.images.map(() => 0);
  for (const { image } of [...mail.queue, ...mail.quarantine]) refs[image]!++;
  return mail.images.map((image, index) => ({ image, refs: refs[index]! }));
}

function inOneStep<Asked, Result>(write: (request: Asked) => Result): (request: Asked) => Steps<Result> {
  // oxlint-disable-next-line require-yield -- one step
  return function* oneStep(request) {
    return write(request);
  };
}

export function writesOf(
  db: Database,
  to: {
    contents: Contents;
    keyValues: KeyValueTable;
    blobs: BlobTable;
    bypasses: BypassTable;
    incidents: IncidentTable;
  },
): Writes {
  const { contents, keyValues, blobs, bypasses, incidents } = to;
  const insertQueue = db.prepare(
    `INSERT INTO queue (id, transaction_id, message_id, size, sender, recipients, downstream, attempts,
       created_at, next_attempt_at, lease_until, due_at, expires_at, last_reply)
     VALUES (:id, :transaction, :messageId, :size, :sender, :recipients, :downstream, 0,
       :now, :nextAttemptAt, :leaseUntil, max(:nextAttemptAt, :leaseUntil), :expiresAt, '')`,
  );
  const insertQuarantine = db.prepare(
    `INSERT INTO quarantine (id, transaction_id, message_id, size, sender, recipients, downstream,
       created_at, service, reason)
     VALUES (:id, :transaction, :messageId, :size, :sender, :recipients, :downstream, :now, :service, :reason)`,
  );
  const claim = claimOf(db);
  const countBreak = breaksOf(db);
  const attempted = db.prepare(
    `UPDATE queue SET recipients = ?, next_attempt_at = ?, due_at = ?, lease_until = 0, last_reply = ?,
       attempts = attempts + 1
     WHERE id = ?`,
  );
  const exists = db.prepare<[string], number>('SELECT 1 FROM queue WHERE id = ?').pluck();
  const removeFromQueue = db
    .prepare<[string], number>('DELETE FROM queue WHERE id = ? RETURNING message_id')
    .pluck();
  const removeFromQuarantine = db
    .prepare<[string], number>('DELETE FROM quarantine WHERE id = ? RETURNING message_id')
    .pluck();
  // A leased entry stays with whoever is delivering it: if that fails, the settlement says when the next attempt is.
  const makeDue = db.prepare(
    'UPDATE queue SET next_attempt_at = ?, due_at = max(?, lease_until) WHERE id = ?',
  );
  const makeRangeDue = db.prepare<[number, number, number, number]>(
    `UPDATE queue SET next_attempt_at = ?, due_at = max(?, lease_until) WHERE number > ? AND number <= ?`,
  );
  const endOfRange = db
    .prepare<[number], number | null>(
      `SELECT max(number) FROM (SELECT number FROM queue WHERE number > ? ORDER BY number LIMIT ${STEP_ENTRIES})`,
    )
    .pluck();
  const enqueueHeld = db.prepare(
    `INSERT INTO queue (id, transaction_id, message_id, size, sender, recipients, downstream, attempts,
       created_at, next_attempt_at, lease_until, due_at, expires_at, last_reply)
     SELECT id, transaction_id, message_id, size, sender, recipients, downstream, 0,
       :now, :now, 0, :now, :expiresAt, '' FROM quarantine WHERE id = :id`,
  );
  const holdQueued = db
    .prepare<[object], number>(
      `INSERT INTO quarantine (id, transaction_id, message_id, size, sender, recipients, downstream,
         created_at, service, reason)
       SELECT :newId, transaction_id, message_id, size, sender, :recipients, downstream, :now, :service, :reason
         FROM queue WHERE id = :id
       RETURNING message_id`,
    )
    .pluck();
  const forgetHeld = db.prepare('DELETE FROM quarantine WHERE id = ?');

  function holdMessage(id: string, held: NonNullable<WireSettlement['held']>): void {
    const message = holdQueued.get({ ...held, id, newId: newId() });
    // Nothing: an operator removed it while its bounce was written.
    if (message !== undefined) contents.share(message);
  }

  function* store(mail: WireMail): Steps<{ queue: string[]; quarantine: string[] }> {
    const messageIds = yield* contents.write(contentsIn(mail));
    const insertWith = (statement: Statement) => (entry: WireQueueEntry | WireQuarantineEntry) => {
      const id = newId();
      statement.run({
        ...entry,
        id,
        messageId: messageIds[entry.image],
        size: mail.images[entry.image]!.size,
      });
      return id;
    };
    const queue = mail.queue.map(insertWith(insertQueue));
    const quarantine = mail.quarantine.map(insertWith(insertQuarantine));
    incidents.add(mail.incidents);
    return { queue, quarantine };
  }

  function* forEachId(ids: readonly string[], act: (id: string) => boolean): Steps<number> {
    let found = 0;
    for (const [index, id] of ids.entries()) {
      if (index > 0 && index % STEP_ENTRIES === 0) yield;
      if (act(id)) found++;
    }
    return found;
  }

  function* retryAll(now: number): Steps<number> {
    let found = 0;
    for (let from = 0; ;) {
      const end = endOfRange.get(from) ?? undefined;
      if (end === undefined) return found;
      found += makeRangeDue.run(now, now, from, end).changes;
      from = end;
      yield;
    }
  }

  const removeWith = (statement: typeof removeFromQueue) => (id: string) => {
    const message = statement.get(id);
    if (message === undefined) return false;
    contents.release(message);
    return true;
  };

  return {
    commit: store,
    claim: inOneStep(claim),
    *settle({ id, remaining, nextAttemptAt, lastReply, mail, held }) {
      // Gone: an operator removed it meanwhile, or another attempt settled it. Then its bounce is not wanted either.
      if (exists.get(id) === undefined) return undefined;
      if (mail !== undefined) yield* store(mail);
      if (held !== undefined) holdMessage(id, held);
      if (remaining === '') removeWith(removeFromQueue)(id);
      else attempted.run(remaining, nextAttemptAt, nextAttemptAt, lastReply, id);
      return undefined;
    },
    retry({ ids, now }) {
      if (ids === undefined) return retryAll(now);
      return forEachId(ids, (id) => makeDue.run(now, now, id).changes === 1);
    },
    removeQueue: ({ ids }) => forEachId(ids, removeWith(removeFromQueue)),
    release: ({ ids, now, expiresAt }) =>
      forEachId(ids, (id) => {
        const found = enqueueHeld.run({ id, now, expiresAt }).changes === 1;
        if (found) forgetHeld.run(id);
        return found;
      }),
    removeQuarantine: ({ ids }) => forEachId(ids, removeWith(removeFromQuarantine)),
    countBreak: inOneStep(countBreak),
    addBypasses: inOneStep((request) => bypasses.add(request.bypasses)),
    removeBypasses: ({ ids }) => forEachId(ids, (id) => bypasses.remove(id)),
    setSinks: inOneStep((request) => incidents.setSinks(request)),
    incidentsTaken: inOneStep((request) => incidents.taken(request)),
    blobReserve: inOneStep((request) => blobs.reserve(request)),
    blobFinish: inOneStep((request) => blobs.finish(request)),
    blobTake: inOneStep((request) => blobs.take(request)),
    blobDoom: inOneStep((request) => blobs.doom(request)),
    blobRemove: inOneStep((request) => blobs.remove(request)),
    blobDue: inOneStep((request) => blobs.due(request)),
    blobGone: inOneStep((request) => blobs.gone(request)),
    kvPut: inOneStep((request) => keyValues.put(request)),
    kvIncrement: inOneStep((request) => keyValues.increment(request)),
    kvRemove: inOneStep((request) => keyValues.remove(request)),
  };
}
