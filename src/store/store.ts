import type { MessageImage } from '../mail/image.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import type { IncidentReport } from '../ocp/incident.ts';
import type { KeyValues } from '../ocp/key-value.ts';
import type { BlobTable } from './blob-table.ts';

/**
 * The store: queue and quarantine with their messages, and what services keep, behind one small async interface. Nothing above knows which
 * database is behind it. Every method that changes something resolves only when the change is on disk.
 * A full or broken disk rejects with an OperationalError `store_unavailable`; nothing is then half done.
 */
export interface Store {
  /**
   * Takes over a transaction's mail: all of it or none. The images' octets are read from their spools before this
   * resolves, so the spool may go afterwards. `leased` entries are for the caller to deliver at once; the others
   * wait for `claim`.
   */
  commit(mail: NewMail): Promise<{ queue: string[]; quarantine: string[] }>;
  /**
   * Entries whose time has come, oldest first, leased to the caller until `leaseUntil` (ms since the epoch).
   * Entries for the downstreams in `except` (busy or resting ones) are left alone, unless they have expired.
   */
  claim(request: {
    now: number;
    leaseUntil: number;
    limit: number;
    except: readonly string[];
  }): Promise<QueueEntry[]>;
  /**
   * What an attempt came to: counts one attempt and ends the lease. Removes the message when nothing refers to it
   * any more. Does nothing, `mail` included, if the entry is gone: someone removed it meanwhile.
   */
  settle(id: string, settlement: Settlement): Promise<void>;
  /** Octets of a queued or quarantined message; see ByteSource.read. */
  read(messageId: string, range: { offset: number; length: number }): Promise<Uint8Array>;

  listQueue(page: Page): Promise<QueueEntry[]>;
  showQueue(id: string): Promise<QueueEntry | undefined>;
  /** Makes entries due now; all of them if no ids are given. Returns how many. */
  retry(request: { ids?: readonly string[]; now: number }): Promise<number>;
  removeQueue(ids: readonly string[]): Promise<number>;

  listQuarantine(page: Page): Promise<QuarantineEntry[]>;
  showQuarantine(id: string): Promise<QuarantineEntry | undefined>;
  /** Moves held mail to the queue, due now. Returns how many were found. */
  release(request: { ids: readonly string[]; now: number; expiresAt: number }): Promise<number>;
  removeQuarantine(ids: readonly string[]): Promise<number>;

  /**
   * Counts that a message broke a service; `fingerprint` stands for both. Returns how often it has, this time included. What has not
   * come again for 5 days is forgotten, and so is the oldest of more than 10,000.
   */
  countBreak(request: { fingerprint: string; now: number }): Promise<number>;
  /** Keeps bypasses; one that is there already for the same service, sender and recipient ends when the new one does. */
  addBypasses(bypasses: readonly NewBypass[]): Promise<void>;
  /** The services that mail of this sender to this recipient bypasses now. Case and spelling of the addresses do not matter. */
  findBypasses(request: { sender: string; recipient: string; now: number }): Promise<readonly string[]>;
  /** Those that have not ended, oldest first. */
  listBypasses(request: Page & { now: number }): Promise<BypassEntry[]>;
  removeBypasses(ids: readonly string[]): Promise<number>;
  /** What services keep, by the capability `kv`. */
  readonly keyValues: KeyValues;
  /** What is known of the files that services put, by the capability `blob`. */
  readonly blobIndex: BlobIndex;
  readonly incidents: IncidentLog;
  counts(): Promise<{ queue: number; quarantine: number }>;
  close(): Promise<void>;
}

/** `BlobTable`, asked from outside its thread. */
export type BlobIndex = {
  [K in keyof BlobTable]: (request: Parameters<BlobTable[K]>[0]) => Promise<ReturnType<BlobTable[K]>>;
};

export interface Page {
  readonly limit: number;
  /** Id of the last entry of the page before. */
  readonly after?: string;
}

export interface NewMail {
  readonly queue: readonly NewQueueEntry[];
  readonly quarantine: readonly NewQuarantineEntry[];
  /** Kept only as far as there are sinks for them. */
  readonly incidents?: readonly IncidentReport[];
}

/**
 * The incidents that some sink has not taken yet: at most 10,000, of which the oldest is dropped for one more. They come by `commit`, with the
 * mail that they are about.
 */
export interface IncidentLog {
  /** Names all sinks there are. A new one begins with the next incident; for one that is gone nothing is kept any more. */
  setSinks(names: readonly string[]): Promise<void>;
  /** The oldest that a sink has not taken, and how many before these were dropped. */
  pending(request: {
    readonly sink: string;
    readonly limit: number;
  }): Promise<{ readonly dropped: number; readonly incidents: readonly StoredIncident[] }>;
  /** The sink has all up to this number. */
  taken(request: { readonly sink: string; readonly number: number }): Promise<void>;
}

export interface StoredIncident {
  /** One more than that of the incident before it. */
  readonly number: number;
  /** As JSON. */
  readonly report: string;
}

export interface NewQueueEntry {
  /** Transaction it came from, for the log. */
  readonly transaction: string;
  readonly image: MessageImage;
  readonly sender: Sender;
  /** At least one. All go to the same downstream. */
  readonly recipients: readonly Recipient[];
  readonly downstream: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly nextAttemptAt: number;
  readonly expiresAt: number;
  /** Set if the caller delivers it at once; a restart ends every lease. */
  readonly leaseUntil?: number;
}

export interface QueueEntry {
  readonly id: string;
  readonly transaction: string;
  readonly messageId: string;
  readonly size: number;
  readonly sender: Sender;
  /** Those still to be served. */
  readonly recipients: readonly Recipient[];
  readonly downstream: string;
  readonly attempts: number;
  readonly createdAt: number;
  readonly nextAttemptAt: number;
  readonly expiresAt: number;
  /** The reply or error of the last attempt; '' before it. */
  readonly lastReply: string;
}

export interface Settlement {
  /** Still to be served; an empty list removes the entry. */
  readonly remaining: readonly Recipient[];
  readonly nextAttemptAt: number;
  readonly lastReply: string;
  /** Mail that must be stored in the same commit: the bounce. */
  readonly mail?: NewMail;
  /** Recipients for whom the entry's own message goes to the quarantine, in the same commit; at least one. */
  readonly held?: {
    readonly recipients: readonly Recipient[];
    readonly now: number;
    readonly service: string;
    readonly reason: string;
  };
}

export interface NewQuarantineEntry {
  readonly transaction: string;
  readonly image: MessageImage;
  readonly sender: Sender;
  readonly recipients: readonly Recipient[];
  /** Where released mail goes. */
  readonly downstream: string;
  readonly now: number;
  readonly service: string;
  readonly reason: string;
}

export interface QuarantineEntry {
  readonly id: string;
  readonly transaction: string;
  readonly messageId: string;
  readonly size: number;
  readonly sender: Sender;
  readonly recipients: readonly Recipient[];
  readonly downstream: string;
  readonly createdAt: number;
  readonly service: string;
  readonly reason: string;
}

/** Mail of one sender to one recipient is let past one service: what a release from the quarantine can leave behind. */
export interface NewBypass {
  readonly service: string;
  readonly sender: string;
  readonly recipient: string;
  readonly now: number;
  readonly expiresAt: number;
}

export interface BypassEntry {
  readonly id: string;
  readonly service: string;
  /** In their normal form (`mail/address.ts`). */
  readonly sender: string;
  readonly recipient: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}
