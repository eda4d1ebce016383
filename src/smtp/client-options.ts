import type { Log } from '../base/log.ts';

/** How to reach and treat one downstream server. */
export type SmtpDownstreamOptions = CommonOptions & Endpoint;

/** Over TCP, or the path of a Unix socket. */
type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

interface CommonOptions {
  /** The operator's word for it. Appears in replies to clients, so no host names are needed there. */
  readonly name: string;
  readonly protocol: 'smtp' | 'lmtp';
  /** Our own name, for EHLO or LHLO. */
  readonly hostname: string;
  /**
   * `opportunistic` uses STARTTLS where it is offered, checks no certificate, and goes on in clear text where the
   * handshake fails. `required` sends nothing without a checked certificate.
   */
  readonly tls: 'none' | 'opportunistic' | 'required';
  /** PEM certificates to check against instead of Node's own; with `tls: required`. */
  readonly ca?: string;
  /** Connections at most, idle ones included; further transactions wait in line, at most `connectMs`. Default 20. */
  readonly maxConnections?: number;
  /** How long an unused connection is kept. Default 30. */
  readonly idleSeconds?: number;
  /** After so many the connection is replaced. Default 1000. */
  readonly maxTransactionsPerConnection?: number;
  readonly timeouts?: Partial<ClientTimeouts>;
  /** How it is told the folders that services advise; see `folders.ts`. Default none. */
  readonly folder?: 'none' | 'detail' | 'header';
  /** Stands before the detail of an address, for `detail`. Default `+`. */
  readonly recipientDelimiter?: string;
  readonly log: Log;
}

/** Time limits in milliseconds; the values of RFC 5321 section 4.5.3.2 are upper bounds for an impatient proxy. */
export interface ClientTimeouts {
  /** TCP connection; the TLS handshake; the wait in line for a free connection. Default 30 s. */
  readonly connectMs: number;
  /** The greeting and the reply to each command. Default 60 s. */
  readonly commandMs: number;
  /** A piece of the message that the downstream does not take. Default 120 s. */
  readonly dataMs: number;
  /** The reply to the final dot (RFC 5321 section 4.5.3.2.6). Default 600 s. */
  readonly finalReplyMs: number;
}

/** The options with every default filled in. */
export type ClientSettings = Required<
  Omit<CommonOptions, 'ca' | 'timeouts' | 'folder' | 'recipientDelimiter'>
> & {
  readonly endpoint: Endpoint;
  readonly ca: string | undefined;
  readonly timeouts: ClientTimeouts;
};

export function withDefaults(options: SmtpDownstreamOptions): ClientSettings {
  return {
    maxConnections: 20,
    idleSeconds: 30,
    maxTransactionsPerConnection: 1000,
    ...options,
    endpoint: 'path' in options ? { path: options.path } : { host: options.host, port: options.port },
    ca: options.ca,
    timeouts: {
      connectMs: 30_000,
      commandMs: 60_000,
      dataMs: 120_000,
      finalReplyMs: 600_000,
      ...options.timeouts,
    },
  };
}
