import type { MessageImage } from '../mail/image.ts';
import type { Facts } from './facts.ts';
import type { CAPABILITIES } from './manifest.ts';
import type { NoticeTo } from './notice.ts';

/** The name of something outside the sandbox that a service may be granted. */
export type CapabilityName = (typeof CAPABILITIES)[number];

/**
 * The operator's leave for one service: capability name → what it is bound to. A capability that is absent is not granted.
 * Those that the manifest asks for and that are granted are what the plugin's calls can reach.
 */
export interface Grants {
  /** The time of day, to the millisecond. Without it a plugin's clock tells the time in whole minutes. */
  readonly clock?: true;
  readonly kv?: KvGrant;
  readonly http?: HttpGrant;
  readonly notify?: NotifyGrant;
  /** What is known of where a message comes from. */
  readonly auth?: true;
  readonly key?: KeyGrant;
  readonly scan?: ScanGrant;
  readonly dns?: DnsGrant;
  readonly directory?: DirectoryGrant;
  readonly blob?: BlobGrant;
}

/** Values and counters that outlive the transaction, a service's own. */
export interface KvGrant {
  /** How many keys it may keep at a time. */
  readonly keys: number;
  /** Octets of all keys and values together. */
  readonly bytes: number;
}

/** Requests to the origins that are named, and to no other. */
export interface HttpGrant {
  /** `https://api.example.com` or `http://127.0.0.1:11333`: scheme, host and port, no path. */
  readonly targets: readonly string[];
  /** Whether a target's name may resolve to a private, loopback or link-local address. An address that is named is always allowed. */
  readonly allowPrivate: boolean;
  readonly requestsPerMinute: number;
  /** Milliseconds for one request, connecting and body included. */
  readonly timeoutMs: number;
  /** Octets of a response's body. */
  readonly responseBytes: number;
  /** Header fields that the host puts in, their values from files: the plugin never sees them. */
  readonly secrets: readonly { readonly header: string; readonly file: string }[];
}

/** Notices by mail, and incidents for the sinks of the config. */
export interface NotifyGrant {
  /** Whom a notice may go to. The sender of mail is often forged: a notice to it may reach somebody who has nothing to do with it. */
  readonly to: readonly NoticeTo[];
  /** Notices an hour: one for each address that one goes to. */
  readonly perHour: number;
  readonly incidents: boolean;
}

/** Keys that the host holds, by their names in the config. */
export interface KeyGrant {
  readonly keys: readonly string[];
  readonly operationsPerMinute: number;
}

/** The verdicts of one virus scanner. */
export interface ScanGrant {
  /** Its name in the config. */
  readonly scanner: string;
  readonly requestsPerMinute: number;
  /** Octets to scan, before a Content-Transfer-Encoding is undone. */
  readonly bytesPerMinute: number;
}

/** A virus scanner that the operator has: ClamAV's clamd. */
export interface Scanner {
  readonly name: string;
  /** `path` is that of a Unix socket. */
  readonly endpoint: { readonly host: string; readonly port: number } | { readonly path: string };
  /** Milliseconds for one scan, connecting included. */
  readonly timeoutMs: number;
  /** Octets of one scan: not more than clamd's StreamMaxLength. */
  readonly maxBytes: number;
}

/** Look-ups of names in DNS. */
export interface DnsGrant {
  /** In lower case: `example.org`, or `*.example.org` for all names below it. Absent: all names. */
  readonly names?: readonly string[];
  readonly queriesPerMinute: number;
  readonly queriesPerCall: number;
  /** Milliseconds for all queries of one call. */
  readonly timeoutMs: number;
}

/** Look-ups in tables that the operator defines. */
export interface DirectoryGrant {
  /** Their names in the config. */
  readonly tables: readonly string[];
  readonly requestsPerMinute: number;
}

/** A table that plugins may look keys up in: rows of a file, or entries of an LDAP server. */
export type Directory = DirectoryLimits & (CsvDirectory | SqliteDirectory | LdapDirectory);

interface DirectoryLimits {
  readonly name: string;
  /** Rows of one answer; more are refused. */
  readonly maxRows: number;
  /** Milliseconds for which an answer is kept; 0: not at all. */
  readonly cacheMs: number;
  /** Milliseconds for one look-up. */
  readonly timeoutMs: number;
}

/** Its first row names the columns. */
export interface CsvDirectory {
  readonly type: 'csv';
  readonly file: string;
  /** The column in which keys are looked up, letters compared without regard to case. */
  readonly key: string;
  /** The columns that are told; absent: all. */
  readonly columns?: readonly string[];
}

export interface SqliteDirectory {
  readonly type: 'sqlite';
  readonly file: string;
  readonly table: string;
  /** The column in which keys are looked up, compared as its collation says. */
  readonly key: string;
  readonly columns?: readonly string[];
}

export interface LdapDirectory {
  readonly type: 'ldap';
  /** `ldaps://` or `ldap://`, host and port. */
  readonly url: string;
  readonly startTls: boolean;
  /** PEM file of the authorities that the server is verified by; absent: the system's. */
  readonly ca?: string;
  /** Whom to bind as; absent: nobody. */
  readonly bind?: { readonly dn: string; readonly passwordFile: string };
  readonly base: string;
  readonly scope: 'base' | 'one' | 'sub';
  /** RFC 4515, with `{key}`, `{local}` and `{domain}` for the key and its parts before and after the last `@`. */
  readonly filter: string;
  readonly attributes: readonly string[];
}

/** Files that people fetch by an URL, a service's own. */
export interface BlobGrant {
  /** How many it may keep at a time. */
  readonly blobs: number;
  /** Octets of all of them. */
  readonly bytes: number;
  /** Octets of one, before a Content-Transfer-Encoding is undone. */
  readonly blobBytes: number;
  /** Milliseconds that one may be kept. */
  readonly longestMs: number;
  readonly putsPerMinute: number;
  /** The name of one of the `BlobStore`s; absent: Postern keeps and serves them. */
  readonly store?: string;
}

/** A store that speaks the protocol of Amazon S3: it keeps files and gives them out. */
export interface BlobStore {
  readonly name: string;
  /** Origin, `https://s3.example.com`. Links begin with it. */
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  /** What the names of objects begin with. */
  readonly prefix: string;
  /** Whether the bucket is named in the path, and not in the name of the host. */
  readonly pathStyle: boolean;
  readonly accessKeyId: string;
  /** Read for each request, so that it can be changed under the running server. */
  readonly secretKeyFile: string;
  /** Milliseconds for one request, the file's octets included. */
  readonly timeoutMs: number;
}

/** A plugin's request, as the host gets it. */
export interface CapabilityRequest extends CallSubject {
  readonly service: string;
  /** Which call asks: one object for all that it asks, and another for each other call. */
  readonly call: object;
  readonly capability: CapabilityName;
  /** What the plugin wrote: its form is that of the capability (`sdk/ABI.md`). */
  readonly octets: Uint8Array;
  /** Aborted when the call's deadline has passed. */
  readonly signal: AbortSignal;
}

/** What the call that asks is about, by the main program's own knowledge and not by what a plugin says. */
export interface CallSubject {
  /** Without `service` and `grants`, which are filled in for each service. */
  readonly facts: Facts;
  /** At stage `message`: the message as this service found it, so offsets are those that the plugin goes by. Its spool has it as it came. */
  readonly image?: MessageImage;
  /** The plugin's manifest does not say that it reads the body: no part of the message may be handed on at its word. */
  readonly isBodyWithheld?: true;
}

/**
 * `refused` is told to the plugin as the error of that name. `UNAVAILABLE` means that what was granted is out of order; if the call then
 * fails, it counts as a failure of kind `capability`, as it does after `LIMIT` of `key`.
 */
export type CapabilityAnswer =
  | { readonly kind: 'answer'; readonly octets: Uint8Array }
  | { readonly kind: 'refused'; readonly error: CapabilityError; readonly cause: string };

export type CapabilityError = 'INVALID' | 'NOT_FOUND' | 'DENIED' | 'LIMIT' | 'UNAVAILABLE';

/** Whatever answers for the capabilities: the program's own, or a recording of them. Never rejects for what a plugin asks. */
export interface CapabilityHost {
  call(request: CapabilityRequest): Promise<CapabilityAnswer>;
}
