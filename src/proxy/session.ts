import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Spool } from '../base/spool.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import { formatReply, reply, type Reply } from '../mail/reply.ts';
import { stronger, type Combined } from '../ocp/combine.ts';
import type { Facts } from '../ocp/facts.ts';
import type { Stage } from '../ocp/stage.ts';
import type {
  Answer,
  ClientFacts,
  Ending,
  HandlerFactory,
  Offers,
  SessionHandler,
  TlsFacts,
} from '../smtp/handler.ts';
import { applyAtData } from './at-data.ts';
import { dispose } from './dispose.ts';
import { tellIncidents } from './incidents.ts';
import { Learnt } from './learnt.ts';
import type { ProxyOptions } from './options.ts';
import { oneReply } from './plan.ts';
import { relayRefusal } from './relay-policy.ts';
import { passedOn, refusalOf, singleOf } from './refusal.ts';
import { report } from './report.ts';
import { targetsFor } from './routing.ts';
import { logServiceLines } from './service-log.ts';
import { stageFacts, type SessionFacts } from './session-facts.ts';
import { logStage, logTransaction } from './session-log.ts';
import { Transaction, type AcceptedRecipient } from './transaction.ts';

/**
 * What happens at each stage of a session: check, ask, combine, dispose.
 *
 * - check: what the listener itself demands (domains, a transaction under way);
 * - ask: the services of the listener's group, if any listens at this stage;
 * - combine: `reject` and `tempfail` shape the reply to this very command (RFC 4496 sections 4.4 and 4.8); `quarantine`,
 *   `discard` and `bounce` are held until the message has arrived;
 * - dispose: `dispose.ts`, once the message is there.
 *
 * In through mode the downstream is asked last and its own reply is the client's.
 */
/** `current` is asked at the start of every session and every transaction, so that a reload takes effect there. */
export function createProxy(current: () => ProxyOptions): HandlerFactory {
  return (client) => new ProxySession(client, current);
}

const OK = reply(250, '2.0.0', 'OK');
const BYPASS_REFUSED = reply(550, '5.7.1', 'This sender may not request to bypass services');

class ProxySession implements SessionHandler {
  readonly #client: ClientFacts;
  readonly #current: () => ProxyOptions;
  #options: ProxyOptions;
  #helo: Facts['client']['helo'];
  #tls: TlsFacts | undefined;
  #user: string | undefined;
  readonly #learnt = new Learnt();
  #transaction: Transaction | undefined;

  constructor(client: ClientFacts, current: () => ProxyOptions) {
    this.#client = client;
    this.#current = current;
    this.#options = current();
  }

  async offers(): Promise<Offers> {
    const { listener, dispatcher, opes, forwarder } = this.#current();
    // From the queue, mail is converted into what a downstream takes, or goes back to its sender.
    const taken = listener.mode === 'through' ? await forwarder.extensions(listener.downstream) : undefined;
    const takes = (extension: string): boolean => taken?.has(extension) ?? true;
    return {
      eightBit: takes('8BITMIME'),
      binary: takes('8BITMIME') && takes('BINARYMIME') && takes('CHUNKING'),
      utf8: takes('SMTPUTF8'),
      prdr: listener.protocol === 'smtp' && dispatcher !== undefined,
      bypass: (dispatcher?.bypassable.length ?? 0) > 0 && opes.requesters.mayInclude(this.#requester),
    };
  }

  async connect(): Promise<Answer> {
    const { hostname, listener } = this.#options;
    const refusal = await this.#askSession('connect');
    if (refusal !== undefined) return refusal;
    const protocol = listener.protocol === 'lmtp' ? 'LMTP' : 'ESMTP';
    return { reply: reply(220, undefined, `${hostname} ${protocol} Postern`) };
  }

  async helo(command: { verb: 'HELO' | 'EHLO' | 'LHLO'; name: string }): Promise<Answer> {
    const before = this.#helo;
    this.#helo = command;
    const refusal = await this.#askSession('helo', (name) => {
      this.#helo = { verb: command.verb, name };
    });
    if (refusal !== undefined) this.#helo = before;
    return refusal ?? { reply: OK };
  }

  async starttls(tls: TlsFacts): Promise<Answer> {
    // RFC 3207 section 4.2: nothing learnt from the client in the clear is kept.
    this.#helo = undefined;
    this.#user = undefined;
    this.#learnt.backToConnect();
    this.#tls = tls;
    return (await this.#askSession('starttls')) ?? { reply: OK };
  }

  async auth(identity: { user: string; mechanism: string }): Promise<Answer> {
    this.#user = identity.user;
    const refusal = await this.#askSession('auth');
    if (refusal !== undefined) this.#user = undefined;
    return refusal ?? { reply: reply(235, '2.7.0', 'Authentication successful') };
  }

  async mail(sender: Sender): Promise<Answer> {
    this.#options = this.#current();
    const { listener, forwarder, hold } = this.#options;
    const { pending, tags, score } = this.#learnt.totals();
    const transaction = new Transaction({
      sender,
      state: this.#learnt.state,
      relay: listener.mode === 'through' ? forwarder.through() : undefined,
      release: hold(),
      client: this.#requester,
      options: this.#options,
    });
    transaction.pending = pending;
    transaction.tags = { ...tags };
    transaction.score = score;
    this.#transaction = transaction;
    try {
      return await this.#begin(transaction);
    } catch (error) {
      // The client hears 451 and is in no transaction: nothing would end this one.
      this.#transaction = undefined;
      await this.#giveUp(transaction, { ended: 'an error of ours', cause: describeError(error) });
      throw error;
    }
  }

  async #begin(transaction: Transaction): Promise<Answer> {
    const { sender } = transaction;
    const asked = sender.params['OPES-BYPASS'];
    if (asked !== undefined && !transaction.bypass.inDialog(asked))
      return this.#endRefused('mail', { reply: BYPASS_REFUSED });
    const combined = await this.#ask('mail', transaction);
    const refusal = refusalOf(combined, { system: this.#options.opes.system });
    if (refusal !== undefined) return this.#endRefused('mail', refusal);
    if (combined?.overall) transaction.hold(combined.overall);
    if (combined?.rewrite !== undefined) transaction.sender = { ...sender, address: combined.rewrite };
    else if (combined?.sender !== undefined) transaction.sender = { ...sender, address: combined.sender };

    // Held mail never reaches the downstream in this transaction, so it need not hear of it.
    if (transaction.relay === undefined || transaction.pending !== undefined)
      return { reply: reply(250, '2.1.0', 'Sender OK') };
    const answer = passedOn(
      await transaction.relay.mail(transaction.sender, this.#options.listener.downstream),
    );
    return answer.code >= 400 ? this.#endRefused('mail', { reply: answer }) : { reply: answer };
  }

  async rcpt(given: Recipient): Promise<Answer> {
    const transaction = this.#running();
    const { listener } = this.#options;
    const refuse = (answer: Answer): Answer => {
      transaction.refused.push({ address: given.address, reply: answer.reply });
      return answer;
    };
    const relaying = relayRefusal(given.address, listener.domains);
    if (relaying !== undefined) return refuse({ reply: relaying });

    await transaction.bypass.forRecipient(given.address);
    const candidate: AcceptedRecipient = { given, address: given.address, targets: [], proposal: undefined };
    const combined = await this.#ask('rcpt', transaction, [candidate]);
    const single = singleOf(combined);
    const { system } = this.#options.opes;
    const refusal = refusalOf(combined, { system, single: single.proposal });
    if (refusal !== undefined) return refuse(refusal);

    const address = combined?.rewrite ?? given.address;
    if (address !== given.address) transaction.bypass.rewritten(given.address, address);
    const downstream = single.nextHop ?? combined?.nextHop ?? listener.downstream;
    const folder = single.folder ?? combined?.folder;
    const accepted: AcceptedRecipient = {
      given,
      address,
      targets: targetsFor(given, single.replace ?? [address], { downstream, folder }),
      proposal: stronger(single.proposal, combined?.overall),
    };
    let answer: Reply = reply(250, '2.1.5', 'Recipient OK');
    if (
      transaction.relay !== undefined &&
      transaction.pending === undefined &&
      accepted.proposal === undefined
    ) {
      for (const target of accepted.targets) {
        answer = passedOn(await transaction.relay.rcpt(target.recipient, target.downstream));
        if (answer.code >= 400) return refuse({ reply: answer });
      }
    }
    transaction.recipients.push(accepted);
    return { reply: answer };
  }

  async data(): Promise<Answer> {
    const transaction = this.#running();
    const combined = await this.#ask('data', transaction, transaction.recipients);
    const refusal = refusalOf(combined, { system: this.#options.opes.system });
    // The transaction goes on as it was (RFC 5321 section 4.1.4): the client ends it with RSET, or says DATA again.
    transaction.dataRefusal = refusal?.reply;
    if (refusal !== undefined) return refusal;
    return { reply: reply(354, undefined, 'End data with <CR><LF>.<CR><LF>') };
  }

  async message(spool: Spool): Promise<Answer[]> {
    const transaction = this.#running();
    this.#transaction = undefined;
    const { answers, outcomes, parts } = await this.#dispose(transaction, spool);
    this.#logTransaction(transaction, {
      size: spool.size,
      outcomes: outcomes.map((outcome) => ({ ...outcome })),
    });
    const about = { session: this.#session, options: this.#options };
    report(transaction, { ...about, size: spool.size, outcomes, parts });
    if (!transaction.prdr) return answers;
    const disconnect = answers.some((answer) => answer.disconnect === true);
    const overall = oneReply(answers.map((answer) => answer.reply));
    return [...answers, { reply: overall, ...(disconnect && { disconnect }) }];
  }

  async reset(ending: Ending): Promise<void> {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    if (transaction === undefined) return;
    switch (ending.by) {
      case 'client': {
        // Nothing was asked for yet, and a client can do this thousands of times a second.
        const idle = transaction.recipients.length + transaction.refused.length === 0;
        return this.#giveUp(transaction, { ended: 'the client gave it up' }, idle ? 'debug' : 'info');
      }
      case 'session':
        return this.#giveUp(transaction, { ended: ending.reason });
      case 'message': {
        const { reply: said, cause, size, ours } = ending;
        const ended = { ended: 'refused while receiving', cause, size, reply: formatReply(said) };
        return this.#giveUp(transaction, ended, ours ? 'error' : 'info');
      }
    }
  }

  async close(reason: string): Promise<void> {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    if (transaction !== undefined) await this.#giveUp(transaction, { ended: reason });
  }

  async #dispose(transaction: Transaction, spool: Spool): ReturnType<typeof dispose> {
    try {
      return await dispose({
        transaction,
        spool,
        options: this.#options,
        session: this.#session,
      });
    } catch (error) {
      this.#logTransaction(transaction, { ended: 'an error of ours', cause: describeError(error) });
      transaction.release();
      throw error;
    }
  }

  get #session(): SessionFacts {
    return { client: this.#client, helo: this.#helo, tls: this.#tls, user: this.#user };
  }

  get #requester(): { client: string; user: string | undefined } {
    return { client: this.#client.address, user: this.#user };
  }

  #running(): Transaction {
    // The server keeps the order of commands; without a transaction there is nothing these could mean.
    if (this.#transaction === undefined) throw new Error('no transaction is under way');
    return this.#transaction;
  }

  /** Asks at a stage before MAIL; returns the refusal, or undefined to go on. */
  async #askSession(stage: Stage, rewrite?: (value: string) => void): Promise<Answer | undefined> {
    // A HELO that is refused within a transaction leaves it going, by the options that it began with.
    if (this.#transaction === undefined) this.#options = this.#current();
    const { dispatcher, listener, log, hold } = this.#options;
    if (dispatcher === undefined || !dispatcher.listens(stage)) return undefined;
    const release = hold();
    const said = this.#learnt.totals(stage);
    const facts = stageFacts(stage, { session: this.#session, listener, said });
    const answered = await dispatcher.ask({ facts, state: this.#learnt.state }).finally(release);
    tellIncidents(answered, { facts, options: this.#options });
    this.#learnt.state = answered.state;
    const [part] = answered.parts;
    if (part === undefined) return undefined;
    logServiceLines(log, { session: this.#client.sessionId }, answered);
    const refusal = refusalOf(part.combined, { system: this.#options.opes.system });
    logStage(stage, { part, refusal, session: this.#session, options: this.#options });
    if (refusal !== undefined) return refusal;
    this.#learnt.learn(stage, part.combined);
    if (part.combined.rewrite !== undefined) rewrite?.(part.combined.rewrite);
    return undefined;
  }

  /** Asks at `mail`, `rcpt` or `data`, and keeps what does not shape the reply. */
  async #ask(
    stage: 'mail' | 'rcpt' | 'data',
    transaction: Transaction,
    recipients?: readonly AcceptedRecipient[],
  ): Promise<Combined | undefined> {
    const { dispatcher, listener, log, opes } = this.#options;
    if (dispatcher === undefined || !dispatcher.listens(stage)) return undefined;
    const about = { session: this.#session, listener, said: transaction, transaction };
    const facts = stageFacts(stage, { ...about, ...(recipients && { recipients }) });
    const answered = await dispatcher.ask({
      facts,
      state: transaction.state,
      isBypassed: transaction.bypass.covers,
    });
    tellIncidents(answered, { facts, options: this.#options });
    transaction.learn(stage, answered);
    logServiceLines(log, { transaction: transaction.id }, answered);
    if (stage === 'data') {
      const { downstream } = listener;
      return applyAtData(transaction, { answered, downstream, system: opes.system });
    }
    return answered.parts[0]?.combined;
  }

  async #endRefused(stage: Stage, answer: Answer): Promise<Answer> {
    const transaction = this.#running();
    this.#transaction = undefined;
    await this.#giveUp(transaction, { ended: `refused at ${stage}`, reply: formatReply(answer.reply) });
    return answer;
  }

  /** Ends a transaction that got no message. */
  async #giveUp(transaction: Transaction, ended: object, level?: keyof Log): Promise<void> {
    const { dataRefusal } = transaction;
    const refused = dataRefusal && { ended: 'refused at data', reply: formatReply(dataRefusal) };
    this.#logTransaction(transaction, refused ?? ended, level);
    this.#options.blobs.ended(transaction.id, false);
    try {
      await transaction.relay?.abort();
    } finally {
      transaction.release();
    }
  }

  #logTransaction(transaction: Transaction, ended: object, level?: keyof Log): void {
    const about = { session: this.#session, options: this.#options, ended };
    logTransaction(transaction, { ...about, ...(level && { level }) });
  }
}
