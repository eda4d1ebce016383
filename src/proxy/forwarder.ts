import type { ByteSource } from '../base/bytes.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import type { MessageImage } from '../mail/image.ts';
import type { Reply } from '../mail/reply.ts';
import type { IncidentReport } from '../ocp/incident.ts';
import type { NoticeOrder } from '../ocp/notice.ts';
import type { DownstreamReply } from '../smtp/transaction.ts';

/** What the proxy needs of delivery. `delivery/` implements it; only `cli/` knows both. */
export interface Forwarder {
  /** True if a notice to this sender could be sent. Asked before one is promised. */
  canNotify(sender: string): boolean;
  /** What a downstream offers, names in upper case: all that mail for it may need in through mode. */
  extensions(downstream: string): Promise<ReadonlyMap<string, string>>;
  /** The downstream side of one transaction in through mode. */
  through(): ThroughRelay;
  /**
   * Takes mail over for good: resolves once all of it is on disk. `released` resolves when the images' spools are no
   * longer read. Rejects with an OperationalError if nothing was stored.
   */
  store(mail: MailToStore): Promise<{ readonly ids: readonly string[]; readonly released: Promise<void> }>;
}

/** One client transaction in through mode, towards as many downstreams as its recipients need. */
export interface ThroughRelay {
  /** Says MAIL to a downstream; its own reply. */
  mail(sender: Sender, downstream: string): Promise<DownstreamReply>;
  /** Says RCPT there (and MAIL first, if this downstream has not heard it yet). */
  rcpt(recipient: Recipient, downstream: string): Promise<DownstreamReply>;
  /**
   * Sends each variant and returns one reply for each of its recipients, in order. A transaction already open with
   * exactly these recipients is used; otherwise it is given up and a new one made.
   */
  deliver(variants: readonly Variant[]): Promise<DownstreamReply[][]>;
  /** Gives up what is open. Safe at any time, twice. */
  abort(): Promise<void>;
}

/** One form of the message for the recipients that get it. */
export interface Variant {
  readonly image: MessageImage;
  /** The octets of `image`. */
  readonly source: ByteSource;
  readonly sender: Sender;
  readonly recipients: readonly Recipient[];
  readonly downstream: string;
}

export interface MailToStore {
  readonly transaction: string;
  readonly queue: readonly Variant[];
  readonly quarantine: readonly QuarantineOrder[];
  readonly bounces: readonly BounceOrder[];
  /** What of them is sent is for delivery to judge. */
  readonly notices?: readonly NoticeOrder[];
  readonly incidents?: readonly IncidentReport[];
}

export interface QuarantineOrder {
  readonly image: MessageImage;
  readonly sender: Sender;
  readonly recipients: readonly Recipient[];
  readonly downstream: string;
  readonly service: string;
  readonly reason: string;
}

/** A non-delivery notice to `sender`, who can be notified. */
export interface BounceOrder {
  readonly sender: Sender;
  /** `remote` is the name of the downstream that said `reply`; absent if Postern itself did. */
  readonly recipients: readonly {
    readonly recipient: Recipient;
    readonly reply: Reply;
    readonly remote?: string;
    /** The service that decided it, if one did. */
    readonly service?: string;
  }[];
  /** Header of the message that failed, for the notice's third part. */
  readonly headers: Uint8Array;
  /** When the message arrived, in ms since the epoch. */
  readonly arrivedAt: number;
}
