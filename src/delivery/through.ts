import type { Recipient, Sender } from '../mail/envelope.ts';
import { reply } from '../mail/reply.ts';
import type { ByteSource } from '../base/bytes.ts';
import type { Downstream, DownstreamReply, DownstreamTransaction } from '../smtp/transaction.ts';

/**
 * Through mode: the downstream side of one client transaction, kept in step with the client's commands, so that MAIL
 * and RCPT are answered by the downstream itself.
 *
 * At the end the recipients of a message may no longer be those that the downstream accepted: a service held one back,
 * named another, or gave some a message of their own. SMTP can't take a RCPT back, so such a transaction is given
 * up and the message sent in new ones; only then do recipients hear of a refusal after the data. So it is where services
 * advise a folder, and the downstream takes folders.
 */
export class ThroughRelay {
  readonly #downstreams: ReadonlyMap<string, Downstream>;
  /** Open transactions by downstream. */
  readonly #legs = new Map<string, Leg>();
  #sender: Sender | undefined;

  constructor(downstreams: ReadonlyMap<string, Downstream>) {
    this.#downstreams = downstreams;
  }

  async mail(sender: Sender, downstream: string): Promise<DownstreamReply> {
    this.#sender = sender;
    return (await this.#open(downstream, sender)).mailReply;
  }

  async rcpt(recipient: Recipient, downstream: string): Promise<DownstreamReply> {
    const sender = this.#sender ?? { address: '', params: {} };
    const leg = this.#legs.get(downstream) ?? (await this.#open(downstream, sender));
    if (leg.mailReply.code >= 400) return leg.mailReply;
    const answer = await leg.transaction!.rcpt(recipient);
    if (answer.code < 400) leg.accepted.push(recipient);
    return answer;
  }

  /** One reply for each recipient of each variant, in order. Variants are sent one after the other, at most one a downstream at a time. */
  async deliver(variants: readonly OutgoingVariant[]): Promise<DownstreamReply[][]> {
    const usable = variants.map((variant) => this.#takeLegFor(variant));
    await this.abort();
    const results: DownstreamReply[][] = [];
    for (const [at, variant] of variants.entries()) {
      const transaction = usable[at];
      const downstream = this.#downstreams.get(variant.downstream);
      if (transaction !== undefined) results.push(await transaction.data(variant.source));
      else if (downstream === undefined)
        results.push(variant.recipients.map(() => unknownDownstream(variant.downstream)));
      else results.push(await downstream.send({ ...variant, message: variant.source }));
    }
    return results;
  }

  async abort(): Promise<void> {
    const legs = [...this.#legs.values()];
    this.#legs.clear();
    await Promise.all(legs.map(async ({ transaction }) => transaction?.abort()));
  }

  async #open(name: string, sender: Sender): Promise<Leg> {
    const downstream = this.#downstreams.get(name);
    const transaction = downstream?.open();
    const mailReply = (await transaction?.mail(sender)) ?? unknownDownstream(name);
    const leg: Leg = { transaction, sender, mailReply, accepted: [] };
    this.#legs.set(name, leg);
    return leg;
  }

  /** The open transaction that fits the variant as it is: same sender, same recipients in the same order. */
  #takeLegFor(variant: OutgoingVariant): DownstreamTransaction | undefined {
    const leg = this.#legs.get(variant.downstream);
    if (leg?.transaction === undefined || leg.sender.address !== variant.sender.address) return undefined;
    const isFiled = variant.recipients.some(({ folder }) => folder !== undefined);
    if (isFiled && this.#downstreams.get(variant.downstream)?.takesFolders === true) return undefined;
    const same =
      leg.accepted.length === variant.recipients.length &&
      leg.accepted.every(({ address }, at) => address === variant.recipients[at]!.address);
    if (!same) return undefined;
    this.#legs.delete(variant.downstream);
    return leg.transaction;
  }
}

/** One form of the message for the recipients that get it. */
export interface OutgoingVariant {
  readonly source: ByteSource;
  readonly sender: Sender;
  readonly recipients: readonly Recipient[];
  readonly downstream: string;
}

interface Leg {
  readonly transaction: DownstreamTransaction | undefined;
  readonly sender: Sender;
  readonly mailReply: DownstreamReply;
  readonly accepted: Recipient[];
}

function unknownDownstream(name: string): DownstreamReply {
  return { ...reply(451, '4.3.5', `No downstream is named ${name}`), local: true };
}
