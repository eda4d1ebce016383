import type { Database } from 'better-sqlite3';
import type { BlobTable } from './blob-table.ts';
import type { BypassTable } from './bypasses.ts';
import type { Contents } from './content.ts';
import type { IncidentTable } from './incidents.ts';
import type { KeyValueTable } from './key-values.ts';
import type {
  Operations,
  QuarantineRow,
  QueueRow,
  ReadOperation,
  Request,
  WriteOperation,
} from './protocol.ts';

const SHARED_COLUMNS = `id, transaction_id AS "transaction", message_id AS messageId, size, sender, recipients,
  downstream, created_at AS createdAt`;

/** A row of `queue` as the protocol's QueueRow. */
export const QUEUE_COLUMNS = `${SHARED_COLUMNS}, attempts, next_attempt_at AS nextAttemptAt,
  expires_at AS expiresAt, last_reply AS lastReply`;

const QUARANTINE_COLUMNS = `${SHARED_COLUMNS}, service, reason`;

/** The requests that change nothing. They are answered between two transactions, never inside one. */
export type Reads = { [K in ReadOperation]: (request: Operations[K]['request']) => Operations[K]['result'] };

export function readsOf(
  db: Database,
  from: {
    contents: Contents;
    keyValues: KeyValueTable;
    blobs: BlobTable;
    bypasses: BypassTable;
    incidents: IncidentTable;
  },
): Reads {
  const { contents, keyValues, blobs, bypasses, incidents } = from;
  const listQueue = db.prepare<[string, number], QueueRow>(
    `SELECT ${QUEUE_COLUMNS} FROM queue WHERE id > ? ORDER BY id LIMIT ?`,
  );
  const showQueue = db.prepare<[string], QueueRow>(`SELECT ${QUEUE_COLUMNS} FROM queue WHERE id = ?`);
  const listQuarantine = db.prepare<[string, number], QuarantineRow>(
    `SELECT ${QUARANTINE_COLUMNS} FROM quarantine WHERE id > ? ORDER BY id LIMIT ?`,
  );
  const showQuarantine = db.prepare<[string], QuarantineRow>(
    `SELECT ${QUARANTINE_COLUMNS} FROM quarantine WHERE id = ?`,
  );
  const counts = db.prepare<[], { queue: number; quarantine: number }>(
    'SELECT (SELECT count(*) FROM queue) AS queue, (SELECT count(*) FROM quarantine) AS quarantine',
  );

  return {
    read: ({ messageId, ...range }) => contents.read(Number(messageId), range),
    listQueue: ({ limit, after }) => listQueue.all(after, limit),
    showQueue: ({ id }) => showQueue.get(id),
    listQuarantine: ({ limit, after }) => listQuarantine.all(after, limit),
    showQuarantine: ({ id }) => showQuarantine.get(id),
    counts: () => counts.get()!,
    kvGet: (at) => keyValues.get(at),
    blobFind: (which) => blobs.find(which),
    blobKnown: (which) => blobs.known(which),
    findBypasses: (request) => bypasses.find(request),
    listBypasses: (request) => bypasses.list(request),
    pendingIncidents: (request) => incidents.pending(request),
  };
}

const READS: Record<ReadOperation, true> = {
  read: true,
  listQueue: true,
  showQueue: true,
  listQuarantine: true,
  showQuarantine: true,
  counts: true,
  kvGet: true,
  blobFind: true,
  blobKnown: true,
  findBypasses: true,
  listBypasses: true,
  pendingIncidents: true,
};

export const isRead = (request: Request<ReadOperation | WriteOperation>): request is Request<ReadOperation> =>
  request.op in READS;
