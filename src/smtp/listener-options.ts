import type { SecureContext } from 'node:tls';
import type { Log } from '../base/log.ts';
import type { Authenticator } from './handler.ts';
import type { TlsIdentity } from './tls.ts';

/** One listener, as the operator configured it. */
export interface ListenerOptions {
  /** For the log. */
  readonly name: string;
  readonly protocol: 'smtp' | 'submission' | 'lmtp';
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** The name that the EHLO reply gives. */
  readonly hostname: string;
  readonly log: Log;
  /** Where messages over 256 KiB are kept while their transaction lasts. Must exist. */
  readonly spoolDirectory: string;
  /** Octets of a message; told with SIZE (RFC 1870). */
  readonly maxMessageSize: number;
  readonly limits?: Partial<ListenerLimits>;
  /** Milliseconds before the greeting. A client that speaks meanwhile is refused. 0: greet at once. */
  readonly greetingDelayMs?: number;
  /** A bare CR or LF: refuse the message (the default), or make it CRLF. */
  readonly lineEndings?: 'refuse' | 'repair';
  /** STARTTLS is offered if this is given. */
  readonly tls?: TlsIdentity | SecureContext;
  /** AUTH is offered if this is given, and only inside TLS. */
  readonly authenticator?: Authenticator;
  /** No MAIL without AUTH. On unless said otherwise for `submission` (RFC 6409 section 4.3). */
  readonly requireAuth?: boolean;
}

interface ListenerLimits {
  /** Sessions at a time, over all clients. */
  readonly sessions: number;
  /** Sessions at a time from one address. */
  readonly sessionsPerAddress: number;
  /** Recipients of a transaction; at least 100 must be taken (RFC 5321 section 4.5.3.1.8). */
  readonly recipients: number;
  /** Protocol errors and failed logins, since the last accepted message; the one that reaches the limit ends the session. */
  readonly errors: number;
  /** Seconds without a whole command, or without anything of a message that was begun. */
  readonly idleSeconds: number;
  /** Seconds from MAIL to the end of the data, whatever progress there is. */
  readonly transactionSeconds: number;
  /** Octets of a command line, CRLF included. */
  readonly commandLine: number;
}

const DEFAULT_LISTENER_LIMITS: ListenerLimits = {
  sessions: 1000,
  sessionsPerAddress: 50,
  recipients: 1000,
  errors: 10,
  // RFC 5321 section 4.5.3.2.7
  idleSeconds: 300,
  transactionSeconds: 1800,
  commandLine: 2048,
};

/** The options with every default filled in: what a session works from. */
export interface ListenerSettings extends Required<Omit<ListenerOptions, 'tls' | 'authenticator'>> {
  readonly limits: ListenerLimits;
  readonly offersTls: boolean;
  readonly authenticator: Authenticator | undefined;
}

export function listenerSettings(options: ListenerOptions): ListenerSettings {
  return {
    greetingDelayMs: 0,
    lineEndings: 'refuse',
    requireAuth: options.protocol === 'submission',
    ...options,
    limits: { ...DEFAULT_LISTENER_LIMITS, ...options.limits },
    offersTls: options.tls !== undefined,
    authenticator: options.authenticator,
  };
}
