import { newId } from '../base/ids.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import type { Reply } from '../mail/reply.ts';
import { stronger, type Proposal } from '../ocp/combine.ts';
import type { Answered } from '../ocp/dispatch.ts';
import type { RecipientFacts } from '../ocp/facts.ts';
import type { CalloutState } from '../ocp/service.ts';
import type { Stage } from '../ocp/stage.ts';
import type { WhenSubject } from '../ocp/when.ts';
import { Bypass } from './bypass.ts';
import type { ThroughRelay } from './forwarder.ts';
import type { ProxyOptions } from './options.ts';
import { recordOf, type ServiceRecord } from './service-log.ts';

/**
 * From MAIL to the final reply: what the client asked for, what the services made of it so far, and what goes into the
 * log line at the end. RSET drops it as a whole; nothing in here outlives it.
 */
export class Transaction {
  readonly id = newId();
  readonly startedAt = Date.now();
  /** As the client gave it; `sender` is what is gone on with. */
  readonly originalSender: Sender;
  sender: Sender;
  readonly recipients: AcceptedRecipient[] = [];
  /** Recipients that were refused, for the log. */
  readonly refused: { address: string; reply: Reply }[] = [];
  /** Recipients that services added at `data`. Each goes along with the recipients of its part, if any of these gets the mail. */
  readonly added: { readonly target: Target; readonly beside: readonly AcceptedRecipient[] }[] = [];
  /** The reply to the last DATA, if it was refused; the client may say DATA again. */
  dataRefusal: Reply | undefined;
  /** A verdict for the whole transaction that waits for the message: quarantine, discard, bounce. */
  pending: Proposal | undefined;
  tags: Record<string, string> = {};
  score = 0;
  state: CalloutState;
  /** Every service's answer so far, for the log line. */
  readonly asked: ServiceRecord[] = [];
  readonly relay: ThroughRelay | undefined;
  /** The client asked for a reply for each recipient after the data (draft-hall-prdr-00). */
  readonly prdr: boolean;
  /** What its requests let past services. */
  readonly bypass: Bypass;

  /** To be called once, when nothing of the transaction goes on any more. */
  readonly release: () => void;

  constructor(start: {
    sender: Sender;
    state: CalloutState;
    relay: ThroughRelay | undefined;
    release: () => void;
    client: Pick<WhenSubject, 'client' | 'user'>;
    options: ProxyOptions;
  }) {
    // It is between the client and us; were it passed on, the downstream's reply would have more parts than we expect.
    const { PRDR, ...params } = start.sender.params;
    const sender = { ...start.sender, params };
    this.prdr = PRDR !== undefined;
    this.originalSender = sender;
    this.sender = sender;
    const requester = { ...start.client, sender: sender.address };
    this.bypass = new Bypass({ transaction: this.id, requester, options: start.options });
    this.state = start.state;
    this.relay = start.relay;
    this.release = start.release;
  }

  /** Takes over what services said that is not a reply: tags, score, state, and what the log will tell. */
  learn(stage: Stage, answered: Answered): void {
    this.state = answered.state;
    for (const part of answered.parts) {
      Object.assign(this.tags, part.combined.tags);
      this.score += part.combined.score;
      this.asked.push(...part.outcomes.map((outcome) => recordOf(stage, outcome)));
      this.asked.push(...part.bypassed.map((service) => ({ service, stage, micros: 0, said: 'bypassed' })));
    }
  }

  hold(proposal: Proposal): void {
    this.pending = stronger(this.pending, proposal);
  }
}

/** A recipient that the client was told 250 about. */
export interface AcceptedRecipient {
  /** As the client gave it. */
  readonly given: Recipient;
  /** As it now is, after rewrites: what services are shown. */
  readonly address: string;
  /** Where its mail goes: `address`, or what replaced it. */
  targets: readonly Target[];
  /** The strongest verdict of RCPT. */
  proposal: Proposal | undefined;
  /** That of the last DATA: one that was refused may be said again, and is asked about anew. */
  atData?: Proposal | undefined;
}

export interface Target {
  readonly recipient: Recipient;
  readonly downstream: string;
}

export function recipientFacts(recipient: AcceptedRecipient): RecipientFacts {
  const { given, address } = recipient;
  return { address, ...(given.address !== address && { original: given.address }), params: given.params };
}
