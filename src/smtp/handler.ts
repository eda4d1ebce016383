import type { Spool } from '../base/spool.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import type { Reply } from '../mail/reply.ts';

/**
 * What the server session asks of whoever uses it. Every method returns a value; only the session writes to the socket.
 * The session calls them one at a time and in protocol order; after a 4xx/5xx the state is as before the command.
 * An exception is a bug or I/O that failed: the client gets `451 4.3.0` and the log gets the cause.
 */
export interface SessionHandler {
  /** What is offered to this client as it is now: asked at EHLO and at MAIL. */
  offers(): Promise<Offers>;
  /** Before the greeting. A 2xx is the greeting; anything else is sent and the connection closed. */
  connect(): Promise<Answer>;
  /** EHLO, HELO or LHLO. The session composes the EHLO lines itself; a 2xx lets them through. */
  helo(command: { verb: 'HELO' | 'EHLO' | 'LHLO'; name: string }): Promise<Answer>;
  /** After the handshake. A negative reply closes the session (RFC 3207 leaves nothing else to say). */
  starttls(tls: TlsFacts): Promise<Answer>;
  /** After the credentials were found good; a negative reply refuses them all the same. */
  auth(identity: { user: string; mechanism: string }): Promise<Answer>;
  mail(sender: Sender): Promise<Answer>;
  rcpt(recipient: Recipient): Promise<Answer>;
  /** DATA was said; a 2xx/3xx lets the session say 354. */
  data(): Promise<Answer>;
  /**
   * The whole message. One answer for SMTP; for LMTP one for each accepted recipient, in their order
   * (RFC 2033 section 4.2); where MAIL had PRDR one for each and then one for the message (draft-hall-prdr-00). The handler owns the spool from here on, whatever it answers.
   */
  message(spool: Spool): Promise<Answer[]>;
  /** RSET, a new HELO, QUIT, or the end of a transaction that got no `message`. */
  reset(ending: Ending): Promise<void>;
  /** The connection is gone. No reply can be sent any more. Called once, last, for every session. */
  close(reason: string): Promise<void>;
}

/** Extensions in which the handler has a part. */
export interface Offers {
  /** A reply for each recipient after the data. */
  readonly prdr: boolean;
  /** What only the way that the mail takes can keep: 8BITMIME, BINARYMIME, SMTPUTF8. */
  readonly eightBit: boolean;
  readonly binary: boolean;
  readonly utf8: boolean;
  /** A request to bypass services (`docs/ocp-smtp-profile.md`). */
  readonly bypass: boolean;
}

/** Why a transaction ended without a `message`. */
export type Ending =
  /** By a command of the client. */
  | { readonly by: 'client' }
  | { readonly by: 'session'; readonly reason: string }
  | ({ readonly by: 'message' } & MessageRefusal);

/** A message that was not taken, before anybody was asked about it. */
export interface MessageRefusal {
  readonly reply: Reply;
  /** `bareLf` and the like (server-data.ts), or what is wrong with the disk. */
  readonly cause: string;
  /** Octets that had come when it was clear. */
  readonly size: number;
  /** Trouble on our side. */
  readonly ours: boolean;
}

/** A reply and what the session must do besides saying it. */
export interface Answer {
  readonly reply: Reply;
  /** Close the connection after the reply (the reply's code is then 421 or 5xx by custom). */
  readonly disconnect?: boolean;
}

export interface TlsFacts {
  /** `TLSv1.3` */
  readonly version: string;
  readonly cipher: string;
  /** The name the client asked for (SNI), if any. */
  readonly servername?: string;
}

export interface ClientFacts {
  readonly sessionId: string;
  /** IPv4 or IPv6, without a `::ffff:` prefix. */
  readonly address: string;
  readonly port: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** Makes the handler of one session. */
export type HandlerFactory = (client: ClientFacts) => SessionHandler;

/** Checks credentials. Takes equally long for an unknown user and for a wrong password. */
export type Authenticator = (credentials: { user: string; password: string }) => Promise<boolean>;
