/**
 * Files that services put where people fetch them: a link takes the place of a large attachment. Each belongs to the service that put it,
 * and is found by what is in its URL, which nobody can guess and which is kept nowhere: the store has a hash of it only.
 *
 * A put resolves when all of the file is on disk; nothing half-written is ever served. A store that is out of order rejects with an
 * OperationalError. Times are milliseconds since the epoch; from `expiresAt` on a file is gone.
 */
export interface Blobs {
  /** `octets` gives the same ones each time; it is called twice if they go to another server. */
  put(blob: NewBlob, octets: () => AsyncIterable<Uint8Array>): Promise<BlobPut>;
  info(at: BlobAt): Promise<BlobInfo | undefined>;
  /** Whether there was one. */
  remove(at: BlobAt): Promise<boolean>;
}

/**
 * Files on a server of another kind, which gives them out by itself: one object each, named by the file's id. What it can't do, such as to count
 * downloads, is not asked of it. Each function rejects with an OperationalError if the server is out of order, or refuses.
 */
export interface RemoteBlobs {
  readonly name: string;
  /** Milliseconds that a link can be good for. */
  readonly longestMs: number;
  /** Resolves when the server has all of it. */
  write(id: string, file: RemoteFile): Promise<void>;
  /** Also resolves if there is none. */
  remove(id: string, signal: AbortSignal): Promise<void>;
  /** An URL that nobody can guess, for as long as `blob` is to be kept. The server is not asked. */
  link(id: string, blob: Pick<NewBlob, 'now' | 'expiresAt'>): Promise<string>;
}

export interface RemoteFile {
  /** Gives the same ones each time. */
  readonly octets: () => AsyncIterable<Uint8Array>;
  readonly size: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
  readonly name: string;
  readonly type: string;
  readonly signal: AbortSignal;
}

/** The side of those who fetch. `token` is what their URL ends in. */
export interface ServedBlobs {
  find(token: string): Promise<ServedBlob | undefined>;
  /** Counts one download; false, and nothing is counted, if no more of them are left. */
  take(at: { readonly token: string; readonly now: number }): Promise<boolean>;
  /** The file, to be closed by the caller; undefined if it is not there any more. */
  open(id: string): Promise<OpenBlob | undefined>;
}

/** What transactions put stays only if their mail may have reached somebody. */
export interface TransactionBlobs {
  /** A transaction ended, and nobody got its mail if `taken` is false. Returns at once. */
  ended(transaction: string, taken: boolean): void;
}

export interface OpenBlob {
  /** Octets from `start` up to, and not with, `end`. */
  read(range: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface BlobAt {
  readonly service: string;
  readonly id: string;
}

export interface NewBlob {
  readonly service: string;
  /** Absent before MAIL. */
  readonly transaction?: string | undefined;
  readonly name: string;
  readonly type: string;
  /** At least as many octets as there will be: so much of the quota is held until it is known. */
  readonly atMost: number;
  readonly access: BlobAccess;
  /** Undefined: as often as anyone likes. */
  readonly downloads: number | undefined;
  readonly now: number;
  readonly expiresAt: number;
  readonly quota: BlobQuota;
  /** Absent: on this machine. */
  readonly remote?: RemoteBlobs | undefined;
  readonly signal: AbortSignal;
}

/** So many files, and so many octets of them, at a time. */
export interface BlobQuota {
  readonly blobs: number;
  readonly bytes: number;
}

/** What somebody who has the URL must fulfil besides. */
export interface BlobAccess {
  /** As `base/password-hash.ts` writes it. */
  readonly password?: string;
  /** Addresses and CIDR networks. */
  readonly clients?: readonly string[];
  /** A page with a button comes first, so that a program which follows links counts as no download. */
  readonly confirm?: boolean;
}

export type BlobPut =
  | {
      readonly kind: 'stored';
      readonly id: string;
      readonly token: string;
      readonly size: number;
      readonly sha256: string;
    }
  | { readonly kind: 'full' };

export interface BlobInfo {
  readonly id: string;
  readonly service: string;
  readonly name: string;
  readonly type: string;
  readonly size: number;
  /** In hexadecimal digits. */
  readonly sha256: string;
  /** Those that are left; undefined: no limit. */
  readonly downloads: number | undefined;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface ServedBlob extends BlobInfo {
  readonly access: BlobAccess;
  /** Its file was removed: it expired, or was fetched as often as it may be. */
  readonly isGone: boolean;
}
