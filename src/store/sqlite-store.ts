import type { OperationalError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { normalAddress } from '../mail/address.ts';
import type { MessageImage } from '../mail/image.ts';
import type { Role } from './database.ts';
import type { QuarantineRow, QueueRow, StoreStats, WireMail, WireSettlement } from './protocol.ts';
import type {
  NewBypass,
  NewMail,
  NewQuarantineEntry,
  NewQueueEntry,
  Page,
  QuarantineEntry,
  QueueEntry,
  Settlement,
  Store,
} from './store.ts';
import { StoreThread } from './thread.ts';

/**
 * The embedded store: SQLite in a thread of its own, one file (with `-wal`, `-shm` and `.lock` beside it).
 *
 * A change is on disk when its promise resolves: WAL, `synchronous=FULL`, one commit for all that arrived while the one
 * before was being written. Messages up to 64 KiB are one row, larger ones rows of 256 KiB, read from the spool
 * inside the store's thread: no message is ever whole in a heap. Writing one of 25 MB is cut into steps of 1 MiB, in
 * earlier transactions that nothing refers to, so that small mail waits for a step only (`turns.ts`).
 *
 * Limits: one server a database, on a local file system (WAL needs shared memory); tools open it beside the server.
 * New mail is refused with `store_unavailable` while less than 32 MiB are free on the file system (`room.ts`).
 */
export interface SqliteStore extends Store {
  /** What it has done since it was opened, for the metrics. */
  stats(): StoreStats;
  /**
   * Resolves with the cause if the store's thread ends unasked (out of memory, a bug). Nothing is lost, but every later
   * call rejects with `store_unavailable`: the process should end and be started anew.
   */
  readonly ended: Promise<OperationalError>;
}

export interface SqliteStoreOptions {
  readonly path: string;
  /** `server`: the one that delivers; makes the file and ends all leases. `tool`: the command line beside it. */
  readonly role: Role;
  readonly log: Log;
  /** Octets of the file system that new mail must leave free. */
  readonly reserveOctets?: number;
}

const RESERVE_OCTETS = 32 * 1024 * 1024;

/**
 * Opens the store. Throws OperationalError `store_missing store_locked store_corrupt store_foreign store_too_new
 * store_unavailable`, each with the path and what to do.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  const thread = await StoreThread.start({ reserveOctets: RESERVE_OCTETS, ...options });
  return {
    commit: (mail) => thread.ask('commit', wireMail(mail)),
    claim: async (request) => (await thread.ask('claim', wireClaim(request))).map(queueEntry),
    settle: (id, settlement) => thread.ask('settle', wireSettlement(id, settlement)),
    read: (messageId, range) => thread.ask('read', { messageId, ...range }),
    listQueue: async (page) => (await thread.ask('listQueue', wirePage(page))).map(queueEntry),
    async showQueue(id) {
      const row = await thread.ask('showQueue', { id });
      return row && queueEntry(row);
    },
    retry: ({ now, ...which }) => thread.ask('retry', { ...which, now: Math.round(now) }),
    removeQueue: (ids) => thread.ask('removeQueue', { ids }),
    listQuarantine: async (page) => (await thread.ask('listQuarantine', wirePage(page))).map(quarantineEntry),
    async showQuarantine(id) {
      const row = await thread.ask('showQuarantine', { id });
      return row && quarantineEntry(row);
    },
    release: ({ ids, now, expiresAt }) =>
      thread.ask('release', { ids, now: Math.round(now), expiresAt: Math.round(expiresAt) }),
    removeQuarantine: (ids) => thread.ask('removeQuarantine', { ids }),
    countBreak: ({ fingerprint, now }) => thread.ask('countBreak', { fingerprint, now: Math.round(now) }),
    addBypasses: (bypasses) => thread.ask('addBypasses', { bypasses: bypasses.map(wireBypass) }),
    findBypasses: ({ sender, recipient, now }) =>
      thread.ask('findBypasses', {
        sender: normalAddress(sender),
        recipient: normalAddress(recipient),
        now: Math.round(now),
      }),
    listBypasses: ({ now, ...page }) =>
      thread.ask('listBypasses', { ...wirePage(page), now: Math.round(now) }),
    removeBypasses: (ids) => thread.ask('removeBypasses', { ids }),
    keyValues: {
      get: (at) => thread.ask('kvGet', at),
      put: (request) => thread.ask('kvPut', request),
      increment: (request) => thread.ask('kvIncrement', request),
      remove: (at) => thread.ask('kvRemove', at),
    },
    blobIndex: {
      reserve: (blob) => thread.ask('blobReserve', blob),
      finish: (written) => thread.ask('blobFinish', written),
      find: (which) => thread.ask('blobFind', which),
      take: (which) => thread.ask('blobTake', which),
      doom: (which) => thread.ask('blobDoom', which),
      remove: (which) => thread.ask('blobRemove', which),
      due: (which) => thread.ask('blobDue', which),
      gone: (which) => thread.ask('blobGone', which),
      known: (which) => thread.ask('blobKnown', which),
    },
    incidents: {
      setSinks: (names) => thread.ask('setSinks', { names }),
      pending: ({ sink, limit }) => thread.ask('pendingIncidents', { sink, limit }),
      taken: ({ sink, number }) => thread.ask('incidentsTaken', { sink, number }),
    },
    counts: () => thread.ask('counts', {}),
    close: () => thread.close(),
    stats: () => thread.stats,
    ended: thread.ended,
  };
}

/**
 * Entries that share an image, the same object, share one stored message. Times are rounded: a back-off with a random
 * part may well give fractions of a millisecond, which the tables refuse.
 */
function wireMail(mail: NewMail): WireMail {
  const numbers = new Map<MessageImage, number>();
  const numberOf = (image: MessageImage): number => {
    const known = numbers.get(image);
    if (known === undefined) numbers.set(image, numbers.size);
    return known ?? numbers.size - 1;
  };
  // Field by field: anything else that a caller's object carries must not cross to the thread.
  const wireEntry = (entry: NewQueueEntry | NewQuarantineEntry) => ({
    transaction: entry.transaction,
    image: numberOf(entry.image),
    sender: JSON.stringify(entry.sender),
    recipients: JSON.stringify(entry.recipients),
    downstream: entry.downstream,
    now: Math.round(entry.now),
  });
  const queue = mail.queue.map((entry) => ({
    ...wireEntry(entry),
    nextAttemptAt: Math.round(entry.nextAttemptAt),
    expiresAt: Math.round(entry.expiresAt),
    leaseUntil: Math.round(entry.leaseUntil ?? 0),
  }));
  const quarantine = mail.quarantine.map((entry) => ({
    ...wireEntry(entry),
    service: entry.service,
    reason: entry.reason,
  }));
  const incidents = (mail.incidents ?? []).map((report) => JSON.stringify(report));
  return { images: [...numbers.keys()], queue, quarantine, incidents };
}

function wireSettlement(
  id: string,
  { remaining, nextAttemptAt, lastReply, mail, held }: Settlement,
): WireSettlement {
  return {
    id,
    remaining: remaining.length === 0 ? '' : JSON.stringify(remaining),
    nextAttemptAt: Math.round(nextAttemptAt),
    lastReply,
    ...(mail && { mail: wireMail(mail) }),
    ...(held && { held: { ...held, recipients: JSON.stringify(held.recipients) } }),
  };
}

const wireBypass = ({ service, sender, recipient, now, expiresAt }: NewBypass): NewBypass => ({
  service,
  sender: normalAddress(sender),
  recipient: normalAddress(recipient),
  now: Math.round(now),
  expiresAt: Math.round(expiresAt),
});

const wireClaim = (request: Parameters<Store['claim']>[0]) => ({
  ...request,
  leaseUntil: Math.round(request.leaseUntil),
});

const wirePage = ({ limit, after = '' }: Page) => ({ limit, after });

const queueEntry = (row: QueueRow): QueueEntry => ({ ...row, ...parsed(row) });
const quarantineEntry = (row: QuarantineRow): QuarantineEntry => ({ ...row, ...parsed(row) });

function parsed(row: QueueRow | QuarantineRow): Pick<QueueEntry, 'messageId' | 'sender' | 'recipients'> {
  const sender: QueueEntry['sender'] = JSON.parse(row.sender);
  const recipients: QueueEntry['recipients'] = JSON.parse(row.recipients);
  return { messageId: String(row.messageId), sender, recipients };
}
