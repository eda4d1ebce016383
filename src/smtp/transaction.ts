import type { ByteSource } from '../base/bytes.ts';
import type { LineOctets } from '../mail/conversion.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import type { Reply } from '../mail/reply.ts';

/**
 * One mail transaction towards a downstream, whatever it speaks: SMTP and LMTP (this folder), Maildir (delivery).
 *
 * Order: `mail`, `rcpt` any number of times, then `data` or `abort`. Replies are the downstream's own. A lost or
 * refused connection is a 4xx reply too (`421 4.4.2 …`, with `local: true`), never an exception: what the
 * downstream did is a protocol outcome.
 */
export interface DownstreamTransaction {
  mail(sender: Sender): Promise<DownstreamReply>;
  rcpt(recipient: Recipient): Promise<DownstreamReply>;
  /**
   * Sends the message and returns one reply for each recipient that `rcpt` answered with 2xx, in that order.
   * Over SMTP all of them are the one reply. If the connection is lost after the final dot was sent, the replies are
   * 4xx: the message may have arrived, and a duplicate is better than a loss (RFC 5321 section 4.5.4.1).
   * What the downstream does not take (BODY of the sender) was refused at `mail`: nothing is converted here.
   */
  data(message: ByteSource): Promise<DownstreamReply[]>;
  /** Ends the transaction without a message (RSET) and gives the connection back. Safe to call at any time, twice. */
  abort(): Promise<void>;
}

/** A reply, and whether the downstream said it or we did because it could not. */
export interface DownstreamReply extends Reply {
  /** True if the downstream never said this: it was unreachable, slow, or answered nonsense. */
  readonly local?: boolean;
}

/** Opens transactions; keeps idle connections for the next one. */
export interface Downstream {
  readonly name: string;
  /**
   * What the EHLO or LHLO of the last connection offered, names in upper case; makes a connection if there was none yet. Empty where none
   * can be made. Never rejects.
   */
  extensions(): Promise<ReadonlyMap<string, string>>;
  /**
   * True if it heeds `Recipient.folder`. It does so in `send`: what is said at RCPT in `open` is said before the message
   * was judged, and can't be taken back.
   */
  readonly takesFolders: boolean;
  open(): DownstreamTransaction;
  /** MAIL, RCPTs and DATA in as few round trips as the downstream allows (PIPELINING, RFC 2920). */
  send(request: SendRequest): Promise<DownstreamReply[]>;
  /** Closes idle connections, waits for busy ones at most `deadlineMs`, then destroys them. */
  close(deadlineMs: number): Promise<void>;
}

/** A whole transaction to send at once: what the queue has. */
export interface SendRequest {
  readonly sender: Sender;
  readonly recipients: readonly Recipient[];
  readonly message: ByteSource;
  /**
   * Gives the message as lines of such octets, for a downstream that takes no others, or why there is none: a 5xx where it
   * can't be converted. It may be asked several times. Without this, such a message is refused with 554 5.6.3 (RFC 6152 section 3).
   */
  readonly convert?: (needs: LineOctets) => Promise<Converted>;
}

/** A message in another encoding, or what to tell in its place. */
export type Converted = { readonly message: ByteSource } | { readonly failure: Reply };
