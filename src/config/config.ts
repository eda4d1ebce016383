import type { BlobStore, Directory, Scanner } from '../ocp/capability.ts';
import type { HeldKey } from '../ocp/held-key.ts';
import type { RequesterRule } from '../ocp/requesters.ts';
import type { Limits, Service, ServiceGroup } from '../ocp/service.ts';

/**
 * The configuration, as the rest of Postern uses it: every default filled in, every path absolute, every name known
 * to exist. One YAML file of at most 256 KiB is its source; `docs/config.md` describes it key by key.
 *
 * - `schema.ts` says what each key may be; `references.ts` what must fit together across keys; `resolve.ts` makes this
 *   type from what they let through; `load.ts` does all of it to a file.
 * - A file with any problem gives no config at all, so there is never a half-checked one to run with.
 * - Problems name keys and positions. Values are shown only where the schema knows the key, and never those under
 *   `settings`, which may hold a secret.
 */
export interface Config {
  /** The file it came from. */
  readonly file: string;
  /** Our own name: in greetings, EHLO, trace headers and notices. */
  readonly hostname: string;
  /** Directory of everything that Postern writes itself: database, spool, made certificates. */
  readonly stateDir: string;
  readonly postmaster: string;
  readonly pluginDirectory: string;
  /** Whether `pluginDirectory` is the one that ships with Postern, whose plugins are part of the program. */
  readonly isShippedPluginDirectory: boolean;
  /** In the order of the file; at least one. */
  readonly listeners: readonly ListenerConfig[];
  readonly downstreams: readonly DownstreamConfig[];
  readonly scanners: readonly Scanner[];
  readonly directories: readonly Directory[];
  readonly blobStores: readonly BlobStore[];
  readonly services: readonly ServiceConfig[];
  /** Domains and addresses in lower case. */
  readonly groups: readonly ServiceGroup[];
  readonly keys: readonly HeldKey[];
  readonly queue: QueueConfig;
  /** `system` is the URI of our OPES system; `bypass` says who may ask that services be bypassed. */
  readonly opes: { readonly system: string; readonly bypass: readonly RequesterRule[] };
  readonly bounce: BounceConfig;
  readonly notices: NoticesConfig;
  readonly incidents: IncidentsConfig;
  readonly log: { readonly level: LogLevel };
  /** Where names are looked up; `servers` absent: those of the system. `timeoutMs` is for one of them to answer once. */
  readonly resolver: {
    readonly servers?: readonly { readonly address: string; readonly port: number }[];
    readonly timeoutMs: number;
  };
  /** Absent: nothing is served. */
  readonly web?: WebConfig;
  /** `workers` absent: as many as the machine has cores. */
  readonly sandbox: { readonly workers?: number };
  readonly plugins: PluginsConfig;
}

/** The web server for what services put (capability `blob`). */
export interface WebConfig {
  /** IPv4 or IPv6. */
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** PEM files. Absent: HTTP, for what stands before it. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** What URLs begin with, without a slash at its end. */
  readonly publicUrl: string;
  readonly connections: number;
  /** Of one client address. */
  readonly requestsPerMinute: number;
}

/** Whose packages may run. Keys are lines `RW…` of minisign. */
export interface PluginsConfig {
  /** Vendor → its keys, and how many of them must have signed. */
  readonly trust: Readonly<Record<string, { readonly keys: readonly string[]; readonly threshold: number }>>;
  /** `packages` by digest, `sha256:…`. */
  readonly revoked: { readonly keys: readonly string[]; readonly packages: readonly string[] };
  readonly allowUnsigned: boolean;
}

/**
 * A service as the file says it; what it effectively is shows when its plugin is read, since a package's manifest says what its calls
 * need. `plugin` is `vendor/name@version`, a name to look up in `pluginDirectory`, or an absolute path.
 */
export interface ServiceConfig extends Omit<Service, 'limits'> {
  /** Those that the file says. */
  readonly limits: Partial<Limits>;
}

type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export interface ListenerConfig {
  readonly name: string;
  readonly protocol: 'smtp' | 'submission' | 'lmtp';
  /** IPv4 or IPv6. */
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Recipient domains that are accepted, in lower case; absent: all. Never absent for `smtp`. */
  readonly domains?: readonly string[];
  readonly downstream: string;
  readonly mode: 'through' | 'queue';
  /** Absent: no services are asked. */
  readonly group?: string;
  /** The password file. Present for `submission`, and only there. */
  readonly auth?: { readonly file: string };
  /** PEM files. Absent: a certificate of our own, made on first start under `stateDir`. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Octets. */
  readonly maxMessageSize: number;
  readonly limits: ListenerLimits;
  readonly greetingDelayMs: number;
  /** What happens to a bare CR or LF: the message is refused, or the line ending repaired. */
  readonly lineEndings: 'refuse' | 'repair';
  /**
   * What an SMTP client is told when, at the end of the data, some recipients are refused and others are not: `bounce`
   * says 250 and sends a notice for the refused ones, or where no notice can be sent acts as `reject`; `reject` and
   * `tempfail` refuse the message for all.
   */
  readonly mixedVerdicts: 'bounce' | 'reject' | 'tempfail';
}

interface ListenerLimits {
  readonly sessions: number;
  readonly sessionsPerAddress: number;
  /** Of one transaction. */
  readonly recipients: number;
  /** Wrong commands and failed logins since the last accepted message; the one that reaches this ends the session. */
  readonly errors: number;
  readonly idleSeconds: number;
  /** From MAIL to the end of the data. */
  readonly transactionSeconds: number;
}

export type DownstreamConfig = RemoteDownstreamConfig | MaildirDownstreamConfig;

interface RemoteDownstreamConfig {
  readonly name: string;
  readonly protocol: 'smtp' | 'lmtp';
  /** `path` is that of a Unix socket. */
  readonly endpoint: { readonly host: string; readonly port: number } | { readonly path: string };
  readonly tls: 'none' | 'opportunistic' | 'required';
  /** PEM file of the authorities that `required` trusts; absent: those of Node. */
  readonly ca?: string;
  readonly maxConnections: number;
  /** How long an unused connection is kept. */
  readonly idleSeconds: number;
  /** How it is told the folders that services advise. */
  readonly folder: 'none' | 'detail' | 'header';
  /** Before the detail of an address, where `folder` is `detail`. */
  readonly recipientDelimiter: '+' | '-';
  readonly timeouts: DownstreamTimeouts;
}

/** All in milliseconds. */
interface DownstreamTimeouts {
  readonly connectMs: number;
  /** For the reply to a command. */
  readonly commandMs: number;
  /** For the downstream to take the next piece of the message. */
  readonly dataMs: number;
  /** For the reply after the final dot (RFC 5321 section 4.5.3.2.6). */
  readonly finalReplyMs: number;
}

interface MaildirDownstreamConfig {
  readonly name: string;
  readonly protocol: 'maildir';
  /** The directory that holds one Maildir for each address. */
  readonly path: string;
}

interface QueueConfig {
  readonly retry: { readonly firstMs: number; readonly maxMs: number };
  readonly giveUpAfterMs: number;
  /** Deliveries at once to one downstream. */
  readonly concurrency: number;
}

interface BounceConfig {
  /** Where notices to senders outside our domains go; absent: see `notice-route.ts`. */
  readonly downstream?: string;
}

/** Notices that services propose. */
export interface NoticesConfig {
  /** Another address than the postmaster's. */
  readonly from: string;
  readonly perHour: number;
  readonly perRecipientPerHour: number;
}

/** Where incidents go; each may be absent. */
export interface IncidentsConfig {
  readonly syslog?:
    | { readonly protocol: 'udp'; readonly host: string; readonly port: number }
    | { readonly protocol: 'tcp'; readonly host: string; readonly port: number }
    | { readonly protocol: 'tls'; readonly host: string; readonly port: number; readonly ca?: string }
    | { readonly protocol: 'unix'; readonly path: string };
  readonly file?: { readonly path: string };
  readonly webhook?: { readonly url: string; readonly secret?: string; readonly timeoutMs: number };
}
