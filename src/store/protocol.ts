import type { MessageImage } from '../mail/image.ts';
import type {
  IncrementRequest,
  IncrementResult,
  KeyAt,
  KeyValue,
  PutRequest,
  PutResult,
} from '../ocp/key-value.ts';
import type { BlobTable } from './blob-table.ts';
import type { Role } from './database.ts';
import type { BypassEntry, NewBypass, Store, StoredIncident } from './store.ts';

/**
 * What passes between the store's thread and the main one: plain data. Senders and recipients cross as JSON text, as
 * they are in the tables: cheaper than cloning objects, and the store's thread never looks into them.
 */
export interface Operations {
  commit: { request: WireMail; result: { queue: string[]; quarantine: string[] } };
  claim: { request: Parameters<Store['claim']>[0]; result: QueueRow[] };
  settle: { request: WireSettlement; result: undefined };
  retry: { request: { ids?: readonly string[]; now: number }; result: number };
  removeQueue: { request: { ids: readonly string[] }; result: number };
  release: { request: { ids: readonly string[]; now: number; expiresAt: number }; result: number };
  removeQuarantine: { request: { ids: readonly string[] }; result: number };
  countBreak: { request: Parameters<Store['countBreak']>[0]; result: number };
  addBypasses: { request: { bypasses: readonly NewBypass[] }; result: undefined };
  removeBypasses: { request: { ids: readonly string[] }; result: number };
  findBypasses: { request: Parameters<Store['findBypasses']>[0]; result: readonly string[] };
  listBypasses: { request: { limit: number; after: string; now: number }; result: BypassEntry[] };
  kvPut: { request: PutRequest; result: PutResult };
  kvIncrement: { request: IncrementRequest; result: IncrementResult };
  kvRemove: { request: KeyAt; result: boolean };
  blobReserve: BlobOperation<'reserve'>;
  blobFinish: BlobOperation<'finish'>;
  blobTake: BlobOperation<'take'>;
  blobDoom: BlobOperation<'doom'>;
  blobRemove: BlobOperation<'remove'>;
  blobDue: BlobOperation<'due'>;
  blobGone: BlobOperation<'gone'>;
  blobFind: BlobOperation<'find'>;
  blobKnown: BlobOperation<'known'>;
  setSinks: { request: { names: readonly string[] }; result: undefined };
  incidentsTaken: { request: { sink: string; number: number }; result: undefined };
  pendingIncidents: {
    request: { sink: string; limit: number };
    result: { dropped: number; incidents: readonly StoredIncident[] };
  };
  kvGet: { request: KeyAt; result: KeyValue | undefined };
  read: { request: { messageId: string; offset: number; length: number }; result: Uint8Array };
  listQueue: { request: { limit: number; after: string }; result: QueueRow[] };
  showQueue: { request: { id: string }; result: QueueRow | undefined };
  listQuarantine: { request: { limit: number; after: string }; result: QuarantineRow[] };
  showQuarantine: { request: { id: string }; result: QuarantineRow | undefined };
  counts: { request: Record<string, never>; result: { queue: number; quarantine: number } };
  close: { request: Record<string, never>; result: undefined };
}

interface BlobOperation<K extends keyof BlobTable> {
  request: Parameters<BlobTable[K]>[0];
  result: ReturnType<BlobTable[K]>;
}

export type Operation = keyof Operations;
export type ReadOperation =
  | 'findBypasses'
  | 'listBypasses'
  | 'kvGet'
  | 'blobFind'
  | 'blobKnown'
  | 'pendingIncidents'
  | 'read'
  | 'listQueue'
  | 'showQueue'
  | 'listQuarantine'
  | 'showQuarantine'
  | 'counts';
export type WriteOperation = Exclude<Operation, ReadOperation | 'close'>;

export type Request<K extends Operation = Operation> = {
  [P in K]: { readonly number: number; readonly op: P; readonly request: Operations[P]['request'] };
}[K];

/** What the thread is started with. */
export interface ThreadOptions {
  readonly path: string;
  readonly role: Role;
  /** New mail is refused when the file system has less room than this. */
  readonly reserveOctets: number;
}

/** What the thread says: first `ready` or `failed`, then answers, and `note`s for the log. */
export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: WireError }
  | { readonly kind: 'answers'; readonly answers: readonly Answer[]; readonly stats: StoreStats }
  | { readonly kind: 'note'; readonly text: string };

export type Answer = { readonly number: number } & (
  { readonly value: unknown } | { readonly error: WireError }
);

/** `code` is that of an OperationalError; without it the error is a bug. */
export interface WireError {
  readonly code?: string;
  readonly message: string;
}

/** Counted since the store was opened. */
export interface StoreStats {
  /** Requests that change something, finished either way. */
  readonly writes: number;
  readonly reads: number;
  /** Transactions committed: far fewer than `writes` under load. */
  readonly commits: number;
  /** Transactions that the disk or another process did not let us commit. */
  readonly failedCommits: number;
}

/** A transaction's mail; an image that several entries share is there once. */
export interface WireMail {
  readonly images: readonly MessageImage[];
  readonly queue: readonly WireQueueEntry[];
  readonly quarantine: readonly WireQuarantineEntry[];
  /** As JSON. */
  readonly incidents: readonly string[];
}

interface WireEntry {
  readonly transaction: string;
  /** Index in `images`. */
  readonly image: number;
  readonly sender: string;
  readonly recipients: string;
  readonly downstream: string;
  readonly now: number;
}

export interface WireQueueEntry extends WireEntry {
  readonly nextAttemptAt: number;
  readonly expiresAt: number;
  /** 0 if it is not leased. */
  readonly leaseUntil: number;
}

export interface WireQuarantineEntry extends WireEntry {
  readonly service: string;
  readonly reason: string;
}

export interface WireSettlement {
  readonly id: string;
  /** JSON; '' if nobody is left to be served. */
  readonly remaining: string;
  readonly nextAttemptAt: number;
  readonly lastReply: string;
  readonly mail?: WireMail;
  readonly held?: {
    readonly recipients: string;
    readonly now: number;
    readonly service: string;
    readonly reason: string;
  };
}

interface Row {
  readonly id: string;
  readonly transaction: string;
  readonly messageId: number;
  readonly size: number;
  readonly sender: string;
  readonly recipients: string;
  readonly downstream: string;
  readonly createdAt: number;
}

export interface QueueRow extends Row {
  readonly attempts: number;
  readonly nextAttemptAt: number;
  readonly expiresAt: number;
  readonly lastReply: string;
}

export interface QuarantineRow extends Row {
  readonly service: string;
  readonly reason: string;
}
