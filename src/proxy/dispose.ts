import { describeError } from '../base/errors.ts';
import type { Spool } from '../base/spool.ts';
import { applySplices, imageOf, isProblem, type MessageImage, type Splice } from '../mail/image.ts';
import { reply, type Reply } from '../mail/reply.ts';
import { stronger } from '../ocp/combine.ts';
import type { AnsweredPart } from '../ocp/dispatch.ts';
import type { Facts } from '../ocp/facts.ts';
import type { NoticeOrder } from '../ocp/notice.ts';
import type { PartTable } from '../ocp/part-table.ts';
import type { Answer } from '../smtp/handler.ts';
import type { DownstreamReply } from '../smtp/transaction.ts';
import { undeliverable } from '../store/undeliverable.ts';
import type { BounceOrder, MailToStore, QuarantineOrder } from './forwarder.ts';
import type { IncidentReport } from '../ocp/incident.ts';
import { incidentsIn } from './incidents.ts';
import { noticesAbout } from './notices.ts';
import { describeUnit, outcomeOf, type RecipientOutcome } from './outcome.ts';
import { dispositions, oneReply } from './plan.ts';
import type { ProxyOptions } from './options.ts';
import { PoisonGuard } from './poison.ts';
import { passedOn, tracedReply } from './refusal.ts';
import { applyRouting } from './routing.ts';
import { logServiceLines } from './service-log.ts';
import { stageFacts, type SessionFacts } from './session-facts.ts';
import { checkHeader } from './header-check.ts';
import type { AcceptedRecipient, Transaction } from './transaction.ts';
import { failed, type TargetResult, type Unit } from './unit.ts';
import { Variants } from './variants.ts';

/**
 * What becomes of a message once it has arrived. In this order, so that nothing answered with 250 can be lost:
 *
 * 1. the services are asked, and their verdicts become one disposition for each recipient; what breaks a service again and again
 *    is held (`poison.ts`);
 * 2. what goes to the quarantine, to the queue or back as a bounce is committed to the store;
 * 3. in through mode, the rest is sent to the downstream, and its replies are the client's;
 * 4. if the client is told 250 although some recipients were refused downstream, these go to the queue (4xx) or are
 *    bounced (5xx), or where no notice can be sent to the quarantine;
 * 5. the client is answered.
 */
export async function dispose(
  order: DisposeOrder,
): Promise<{ answers: Answer[]; outcomes: RecipientOutcome[]; parts: Disposal['parts'] }> {
  const run = new Disposal(order);
  let taken = true;
  try {
    const { replies, outcomes, disconnect, ...ended } = await run.run();
    ({ taken } = ended);
    const answers = replies.map((said): Answer => ({ reply: said, ...(disconnect && { disconnect }) }));
    return { answers, outcomes, parts: run.parts };
  } finally {
    run.discardSpool();
    order.options.blobs.ended(order.transaction.id, taken);
    await order.transaction.relay?.abort();
  }
}

export interface DisposeOrder {
  readonly transaction: Transaction;
  readonly spool: Spool;
  readonly options: ProxyOptions;
  readonly session: SessionFacts;
}

const STORE_FAILED = reply(452, '4.3.1', 'Cannot store the message now, try again later');

class Disposal {
  readonly #order: DisposeOrder;
  /** The message as services and recipients get it, before any service or trace field. */
  #arrived: MessageImage;
  /** The table of parts for the services that are to be told it, as the message arrived. */
  parts: Promise<PartTable | undefined> = Promise.resolve(undefined);
  /** Resolves when the store and the queue runner no longer read the spool. */
  #released: Promise<unknown>[] = [];
  readonly #poisonGuard: PoisonGuard;

  constructor(order: DisposeOrder) {
    this.#order = order;
    this.#arrived = imageOf(order.spool.handle);
    this.#poisonGuard = new PoisonGuard(order);
  }

  /** `taken`: somebody has the message, or may have it or get it. */
  async run(): Promise<{
    replies: Reply[];
    outcomes: RecipientOutcome[];
    disconnect: boolean;
    taken: boolean;
  }> {
    const { transaction, spool, options } = this.#order;
    const perRecipient = options.listener.protocol === 'lmtp' || transaction.prdr;
    const all = (said: Reply, disposition: string) => ({
      replies: perRecipient ? transaction.recipients.map(() => said) : [said],
      outcomes: transaction.recipients.map(({ given }) => outcomeOf(given, disposition, said)),
      disconnect: false,
      taken: false,
    });

    const header = await checkHeader(spool, options.opes.system);
    if ('refusal' in header) return all(header.refusal, 'reject');
    if (header.bypass !== undefined) transaction.bypass.inMessage(header.bypass);
    this.#arrived = repaired(imageOf(spool.handle), header.repair);

    const { dispatcher } = options;
    if (dispatcher !== undefined && (dispatcher.wantsParts('message') || dispatcher.wantsParts('report'))) {
      this.parts = dispatcher.partTable(this.#arrived);
      this.#released.push(this.parts);
    }
    const parts = await this.#ask();
    const disconnect = parts.some(({ combined }) => combined.disconnect);
    const units = this.#units(parts, perRecipient);
    const variants = this.#variants().all(units, parts);
    const through = transaction.relay;
    try {
      await this.#store({
        transaction: transaction.id,
        queue: through === undefined ? variants.map(({ variant }) => variant) : [],
        quarantine: this.#quarantine(units),
        bounces: await this.#bounces(units.flatMap((unit) => this.#bouncedByVerdict(unit))),
        // In through mode it is not known yet who gets the message.
        notices: through === undefined ? await this.#notices(units.filter(isTaken)) : [],
        incidents: this.#incidents(parts),
      });
    } catch (error) {
      options.log.error(
        { transaction: transaction.id, cause: describeError(error) },
        'the store did not take the message',
      );
      return all(STORE_FAILED, 'tempfail');
    }
    this.#poisonGuard.logHeld(units);

    const extra: TargetResult[] = [];
    const replies =
      through === undefined
        ? variants.map(({ variant }) => variant.recipients.map(() => this.#queued()))
        : await through.deliver(variants.map(({ variant }) => variant));
    variants.forEach(({ variant, owners }, at) => {
      owners.forEach(({ unit, target }, index) => {
        const said = replies[at]?.[index] ?? NO_REPLY;
        (unit?.results ?? extra).push({ target, variant, reply: said });
      });
    });

    const own = units.map((unit) => this.#replyFor(unit));
    const single = oneReply(own);
    const told = units.map((_, at) => (perRecipient ? own[at]! : single));
    const left = units.flatMap(({ results }, at) => (told[at]!.code < 400 ? failed(results) : []));
    const remnants = [...left, ...(told.some(({ code }) => code < 400) ? failed(extra) : [])];
    const stored = await this.#storeRemnants(remnants);
    // Of those told 452 some have the message already, but the others would lose it: a duplicate is better than a loss.
    const final = units.map(({ results }, at) => {
      // Of recipients that services added no client knows, so any reply may speak for them.
      const waits = !stored && (!perRecipient || failed([...results, ...extra]).length > 0);
      return waits && told[at]!.code < 400 ? STORE_FAILED : told[at]!;
    });
    if (through !== undefined) await this.#storeNotices(units.filter((_, at) => final[at]!.code < 400));
    const refused = this.#canNotify() ? 'bounce' : 'quarantine';
    return {
      replies: perRecipient ? final : [final[0] ?? single],
      outcomes: units.map((unit, at) => describeUnit(unit, { own: own[at]!, said: final[at]!, refused })),
      disconnect,
      taken:
        units.some(({ disposition, results }, at) => {
          const goesOn = results.length > 0 && final[at]!.code < 400;
          return disposition.kind === 'quarantine' || goesOn || mayHave(results);
        }) || mayHave(extra),
    };
  }

  /** The spool goes when nobody reads it any more; the client does not wait for that. */
  discardSpool(): void {
    const { spool, transaction, options } = this.#order;
    Promise.all(this.#released)
      .then(() => spool.discard())
      .catch((error: unknown) => {
        options.log.error(
          { transaction: transaction.id, cause: describeError(error) },
          'the spool file was not removed',
        );
      });
  }

  async #ask(): Promise<readonly AnsweredPart[]> {
    const { transaction, options } = this.#order;
    const image = this.#arrived;
    const { dispatcher } = options;
    if (dispatcher === undefined || !dispatcher.listens('message')) {
      const silent = {
        recipients: new Map(),
        disconnect: false,
        addRecipients: [],
        tags: {},
        score: 0,
        notifications: [],
      };
      return [{ recipients: [], combined: silent, outcomes: [], bypassed: [], image }];
    }
    // For one that is told at `report` only, nobody waits.
    const table = dispatcher.wantsParts('message') ? await this.parts : undefined;
    const answered = await dispatcher.ask({
      facts: this.#facts(table),
      image,
      state: transaction.state,
      isBypassed: transaction.bypass.covers,
    });
    transaction.learn('message', answered);
    logServiceLines(options.log, { transaction: transaction.id }, answered);
    return this.#poisonGuard.check(answered.parts, dispatcher);
  }

  #units(parts: readonly AnsweredPart[], perRecipient: boolean): Unit[] {
    const { transaction, options } = this.#order;
    const partOf = (accepted: AcceptedRecipient): AnsweredPart =>
      parts.find(({ recipients }) => recipients.some(({ address }) => address === accepted.address)) ??
      parts[0]!;
    const placed = transaction.recipients.map((accepted) => {
      const part = partOf(accepted);
      applyRouting(accepted, part.combined);
      const said = stronger(part.combined.recipients.get(accepted.address)?.proposal, part.combined.overall);
      const before = stronger(stronger(transaction.pending, accepted.proposal), accepted.atData);
      return { accepted, part, proposal: stronger(before, said) };
    });
    const decided = dispositions(
      placed.map(({ proposal }) => proposal),
      {
        perRecipientReplies: perRecipient,
        mixedVerdicts: options.listener.mixedVerdicts,
        canNotify: this.#canNotify(),
      },
    );
    return placed.map(({ accepted, part }, at) => ({
      accepted,
      part,
      disposition: decided[at]!,
      results: [],
    }));
  }

  #variants(): Variants {
    return new Variants({ ...this.#order, arrived: this.#arrived });
  }

  /** One order for each recipient, so that each can be released by itself. */
  #quarantine(units: readonly Unit[]): QuarantineOrder[] {
    const held = units.flatMap(({ disposition, accepted, part }) =>
      disposition.kind === 'quarantine'
        ? accepted.targets.map((target) => ({ part, target, proposal: disposition.proposal }))
        : [],
    );
    return [...new Set(held.map(({ part }) => part))].flatMap((part) => {
      const own = held.filter((one) => one.part === part);
      const recipients = own.map(({ target }) => target.recipient);
      // One image for all: the store keeps its octets once.
      const { image, sender } = this.#variants().one(part, recipients, '');
      return own.map(({ target: { recipient, downstream }, proposal: { service, reason } }) => {
        return { image, sender, recipients: [recipient], downstream, service, reason };
      });
    });
  }

  #bouncedByVerdict({ disposition, accepted }: Unit): BounceOrder['recipients'] {
    if (disposition.kind !== 'bounce') return [];
    const { reply: said, service } = disposition.proposal;
    return [{ recipient: accepted.given, reply: said, service }];
  }

  async #bounces(recipients: BounceOrder['recipients']): Promise<BounceOrder[]> {
    const { transaction, spool } = this.#order;
    if (recipients.length === 0) return [];
    const headers = await spool.read(0, 64 * 1024);
    return [{ sender: transaction.originalSender, recipients, headers, arrivedAt: transaction.startedAt }];
  }

  /** What the client was told 250 about although the downstream refused it. False if the store did not take it. */
  async #storeRemnants(remnants: readonly TargetResult[]): Promise<boolean> {
    const { transaction, options } = this.#order;
    const later = remnants.filter(({ reply: said }) => said.code < 500);
    const never = remnants.filter(({ reply: said }) => said.code >= 500);
    const canNotify = this.#canNotify();
    try {
      await this.#store({
        transaction: transaction.id,
        queue: later.map(({ variant, target }) => ({ ...variant, recipients: [target.recipient] })),
        quarantine: canNotify ? [] : never.map(quarantineOrderOf),
        bounces: await this.#bounces(
          (canNotify ? never : []).map(({ target: { recipient, downstream }, reply: said }) => {
            return { recipient, reply: said, ...(said.local !== true && { remote: downstream }) };
          }),
        ),
      });
      return true;
    } catch (error) {
      options.log.error(
        { transaction: transaction.id, cause: describeError(error) },
        'the store did not take the rest',
      );
      return false;
    }
  }

  /** A message that somebody has got is not told to come again for them. */
  async #storeNotices(taken: readonly Unit[]): Promise<void> {
    const { transaction, options } = this.#order;
    try {
      const notices = await this.#notices(taken);
      await this.#store({ transaction: transaction.id, ...NO_MAIL, notices });
    } catch (error) {
      options.log.error(
        { transaction: transaction.id, cause: describeError(error) },
        'the store did not take the notices',
      );
    }
  }

  async #notices(taken: readonly Unit[]): Promise<NoticeOrder[]> {
    const { transaction, spool, options } = this.#order;
    const about = { sender: transaction.originalSender.address, downstream: options.listener.downstream };
    const notices = noticesAbout(taken, about);
    if (notices.length === 0) return [];
    const headers = await spool.read(0, 64 * 1024);
    return notices.map((notice) => ({ ...notice, headers }));
  }

  #incidents(parts: readonly AnsweredPart[]): IncidentReport[] {
    return incidentsIn(parts, { facts: this.#facts(), gate: this.#order.options.hostname });
  }

  #facts(table?: PartTable): Omit<Facts, 'service'> {
    const { session, transaction, options } = this.#order;
    const { recipients } = transaction;
    const message = { size: this.#arrived.size, ...table };
    const about = { session, listener: options.listener, said: transaction };
    return stageFacts('message', { ...about, transaction, recipients, message });
  }

  #canNotify(): boolean {
    const { transaction, options } = this.#order;
    return options.forwarder.canNotify(transaction.originalSender.address);
  }

  async #store(mail: MailToStore): Promise<void> {
    const { queue, quarantine, bounces, notices = [], incidents = [] } = mail;
    if ([queue, quarantine, bounces, notices, incidents].every(({ length }) => length === 0)) return;
    const { released } = await this.#order.options.forwarder.store(mail);
    this.#released.push(released);
  }

  #queued(): Reply {
    return reply(250, '2.0.0', `Queued as ${this.#order.transaction.id}`);
  }

  #replyFor({ disposition, results }: Unit): Reply {
    switch (disposition.kind) {
      case 'reject':
      case 'tempfail':
        return tracedReply(disposition.proposal, this.#order.options.opes.system);
      case 'deliver':
        return results.length === 0
          ? this.#queued()
          : oneReply(results.map(({ reply: said }) => passedOn(said)));
      case 'quarantine':
      case 'discard':
      case 'bounce':
        // What filters hold back is not the sender's to know: in queue mode nothing tells it apart. In through mode the text
        // does, since a delivery's reply is the downstream's own.
        return this.#queued();
    }
  }
}

const NO_MAIL = { queue: [], quarantine: [], bounces: [] };

/** The client is told 250 of it, if the store takes it. */
const isTaken = ({ disposition: { kind } }: Unit): boolean => kind !== 'reject' && kind !== 'tempfail';

const NO_REPLY: DownstreamReply = { ...reply(451, '4.4.2', 'The downstream gave no reply'), local: true };

/** What can be neither delivered nor bounced is kept for the operator. */
function quarantineOrderOf({ variant, target, reply: said }: TargetResult): QuarantineOrder {
  const { image, sender } = variant;
  const { recipient, downstream } = target;
  return { image, sender, recipients: [recipient], downstream, ...undeliverable([said]) };
}

function repaired(image: MessageImage, repair: readonly Splice[]): MessageImage {
  const result = applySplices(image, repair);
  if (isProblem(result)) throw new Error(result.problem);
  return result;
}

/** After a 4xx it may have been taken nevertheless: the reply may be ours, to a connection that was lost. */
const mayHave = (results: readonly TargetResult[]): boolean =>
  results.some(({ reply: { code } }) => code < 500);
