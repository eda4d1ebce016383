import { isAscii, isUtf8 } from 'node:buffer';
import { describeError } from '../base/errors.ts';
import { parseMailArgument, parseRcptArgument } from '../mail/address.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import { formatReply, isPositive, reply, type Reply } from '../mail/reply.ts';
import { replaceControls } from '../mail/text.ts';
import type { Answer, Ending, MessageRefusal, SessionHandler, TlsFacts } from './handler.ts';
import type { ListenerSettings } from './listener-options.ts';
import { BAD_CHUNK, parseChunk, RefusedChunks, type Chunk } from './server-chunks.ts';
import { ehloLines, refuseParams, type ExtensionContext } from './server-extensions.ts';
import { tooLarge, type Intake } from './server-intake.ts';
import type { CommandLine } from './server-lines.ts';
import { Login, type LoginStep } from './server-login.ts';
import { disconnects, say, stepOf, type Step } from './server-step.ts';

export interface DialogOptions {
  readonly settings: ListenerSettings;
  readonly handler: SessionHandler;
  readonly sessionId: string;
  /** Its address. */
  readonly client: string;
}

/**
 * The state machine of one session (RFC 5321 section 4.1.4, RFC 2033, RFC 6409): which command may come when, what is asked
 * of the handler, and what is replied. It knows no socket, and is called one step at a time.
 *
 * A refused command leaves the state as it was; but a refused BDAT ends the transaction, since the message lacks its octets from there on
 * (RFC 3030 section 2). Replies of 5xx that the dialog itself gives are protocol errors, and counted.
 */
export class Dialog {
  readonly #settings: ListenerSettings;
  readonly #handler: SessionHandler;
  /** Of the session, for its log lines. */
  readonly #ids: { readonly listener: string; readonly session: string; readonly client: string };
  #greeted = false;
  #secure = false;
  #user: string | undefined;
  /** Set while a challenge waits for its answer: the next line is none of the commands. */
  #login: Login | undefined;
  #transaction: Transaction | undefined;
  readonly #refusedChunks: RefusedChunks;
  #errors = 0;

  constructor(options: DialogOptions) {
    this.#settings = options.settings;
    this.#handler = options.handler;
    this.#refusedChunks = new RefusedChunks(options.settings);
    const { settings, sessionId, client } = options;
    this.#ids = { listener: settings.name, session: sessionId, client };
  }

  /** From MAIL to the final reply, RSET, or a new HELO. */
  get inTransaction(): boolean {
    return this.#transaction !== undefined;
  }

  async connect(): Promise<Step> {
    const answer = await this.#ask('connect', () => this.#handler.connect());
    return stepOf(answer, isPositive(answer.reply) ? 'continue' : 'close');
  }

  /** `pipelined`: more octets than this command's have already come. */
  async command(line: CommandLine, context: { pipelined: boolean }): Promise<Step> {
    const login = this.#login;
    this.#login = undefined;
    if (line.kind === 'fault') {
      return this.#error(line.fault === 'length' ? this.#lineTooLong() : BAD_LINE);
    }
    const text = decode(line.octets);
    if (text === undefined) return this.#error(NOT_UTF8);
    if (login !== undefined) return await this.#goOn(login, await login.resume(text));
    return await this.#dispatch(text, context);
  }

  /** After the TLS handshake: the client is a stranger again (RFC 3207 section 4.2). */
  async secured(facts: TlsFacts): Promise<Step> {
    await this.#reset({ by: 'client' });
    this.#secure = true;
    this.#greeted = false;
    this.#user = undefined;
    const answer = await this.#ask('starttls', () => this.#handler.starttls(facts));
    return isPositive(answer.reply) ? { replies: [], next: 'continue' } : stepOf(answer, 'close');
  }

  /** After a chunk that is not the last one. */
  async chunk({ size, refusal }: { size: number; refusal: MessageRefusal | undefined }): Promise<Step> {
    if (refusal === undefined) return say(250, '2.0.0', `${size} octets received`);
    await this.#endByChunk(refusal.reply, { by: 'message', ...refusal });
    return { replies: [refusal.reply], next: 'continue' };
  }

  /** After the end of the data, or of the last chunk. */
  async message(intake: Intake): Promise<Step> {
    const { recipients = [], prdr = false } = this.#transaction ?? {};
    const isLmtp = this.#settings.protocol === 'lmtp';
    if ('refusal' in intake) {
      await this.#reset({ by: 'message', ...intake.refusal });
      // With PRDR too this is one reply: nothing was found out about recipients.
      const replies = Array<Reply>(isLmtp ? recipients.length : 1).fill(intake.refusal.reply);
      return { replies, next: 'continue' };
    }
    this.#transaction = undefined;
    const count = prdr ? recipients.length + 1 : isLmtp ? recipients.length : 1;
    const answers = await this.#askForMessage(intake.spool, count);
    if (answers.some((answer) => isPositive(answer.reply))) {
      this.#errors = 0;
      this.#refusedChunks.forgive();
    }
    const close = answers.some((answer) => disconnects(answer));
    const replies = [...(prdr ? [PRDR_FOLLOWS] : []), ...answers.map((answer) => answer.reply)];
    return { replies, next: close ? 'close' : 'continue' };
  }

  /** The connection is gone. */
  async hangUp(reason: string): Promise<void> {
    await this.#reset({ by: 'session', reason });
    try {
      await this.#handler.close(reason);
    } catch (error) {
      this.#logFailure('close', error);
    }
  }

  async #dispatch(text: string, context: { pipelined: boolean }): Promise<Step> {
    const space = text.indexOf(' ');
    const word = space < 0 ? text : text.slice(0, space);
    const argument = space < 0 ? '' : text.slice(space + 1);
    // A letter outside ASCII may have an upper case inside it.
    const verb = /^[a-z]+$/i.test(word) ? word.toUpperCase() : '';
    switch (verb) {
      case 'HELO':
      case 'EHLO':
      case 'LHLO':
        return await this.#helo(verb, argument);
      case 'MAIL':
        return await this.#mail(argument);
      case 'RCPT':
        return await this.#rcpt(argument);
      case 'BDAT':
        return await this.#bdat(argument);
      case 'AUTH':
        return await this.#beginAuth(argument);
      case 'VRFY':
        return say(252, '2.0.0', 'Cannot verify, but will take mail and try');
      case 'EXPN':
        return this.#error(reply(502, '5.5.1', 'EXPN is not supported'));
      case 'HELP':
        return say(214, '2.0.0', 'See RFC 5321');
      case 'NOOP':
        return say(250, '2.0.0', 'OK');
    }
    if (argument !== '' && ['DATA', 'RSET', 'QUIT', 'STARTTLS'].includes(verb)) {
      return this.#error(reply(501, '5.5.4', `${verb} takes no argument`));
    }
    switch (verb) {
      case 'DATA':
        return await this.#data();
      case 'RSET':
        await this.#reset({ by: 'client' }, { always: true });
        return say(250, '2.0.0', 'OK');
      case 'STARTTLS':
        return this.#starttls(context.pipelined);
      case 'QUIT':
        await this.#reset({ by: 'client' });
        return { replies: [reply(221, '2.0.0', 'Bye')], next: 'close' };
    }
    if (/^(?:GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|PATCH|TRACE)$/.test(verb) && / HTTP\/\d/.test(text)) {
      // A browser made to talk to us: what follows are its form fields, and may look like commands.
      return { replies: [reply(421, '4.7.0', 'This is not a web server')], next: 'close' };
    }
    return this.#error(reply(500, '5.5.2', 'Command not recognized'));
  }

  async #helo(verb: 'HELO' | 'EHLO' | 'LHLO', name: string): Promise<Step> {
    const lmtp = this.#settings.protocol === 'lmtp';
    if (lmtp !== (verb === 'LHLO')) {
      // RFC 2033 section 4.1
      return this.#error(reply(500, '5.5.1', lmtp ? 'This is LMTP, say LHLO' : 'This is SMTP, say EHLO'));
    }
    // Anything printable: many clients send names that are none, and whether to mind is the services' business.
    if (!/^[!-~]{1,255}$/.test(name)) {
      return this.#error(reply(501, '5.5.4', `Syntax: ${verb} name, at most 255 printable characters`));
    }
    const answer = await this.#ask('helo', () => this.#handler.helo({ verb, name }));
    if (!isPositive(answer.reply)) return stepOf(answer);
    if (this.#greeted) await this.#reset({ by: 'client' }, { always: true });
    this.#greeted = true;
    const lines = verb === 'HELO' ? [] : ehloLines(await this.#extensions());
    return stepOf({ ...answer, reply: reply(250, undefined, this.#settings.hostname, ...lines) });
  }

  async #extensions(): Promise<ExtensionContext> {
    return {
      settings: this.#settings,
      secure: this.#secure,
      offersAuth: this.#offersAuth,
      offers: await this.#handler.offers(),
    };
  }

  get #offersAuth(): boolean {
    return this.#secure && this.#settings.authenticator !== undefined;
  }

  #starttls(pipelined: boolean): Step {
    if (!this.#settings.offersTls) return this.#error(reply(502, '5.5.1', 'STARTTLS is not offered'));
    if (this.#secure) return this.#error(reply(503, '5.5.1', 'TLS is already active'));
    if (this.#transaction?.announced !== undefined) return this.#error(BETWEEN_CHUNKS);
    if (pipelined) {
      // What came in plain text must never be taken for what was said inside TLS (RFC 3207 section 6, CVE-2011-0411).
      return { replies: [reply(554, '5.5.1', 'Nothing may follow STARTTLS')], next: 'close' };
    }
    return { replies: [reply(220, '2.0.0', 'Ready to start TLS')], next: 'tls' };
  }

  async #beginAuth(argument: string): Promise<Step> {
    if (!this.#greeted) return this.#error(HELO_FIRST);
    const { authenticator, offersTls } = this.#settings;
    if (authenticator === undefined || !this.#secure) {
      return this.#error(authenticator !== undefined && offersTls ? TLS_FIRST : NOT_OFFERED);
    }
    if (this.#user !== undefined) return this.#error(reply(503, '5.5.1', 'Already authenticated'));
    if (this.#transaction !== undefined) return this.#error(reply(503, '5.5.1', 'Not within a transaction'));
    const { login, step } = await Login.begin(argument, authenticator);
    return await this.#goOn(login, step);
  }

  async #goOn(login: Login, step: LoginStep): Promise<Step> {
    switch (step.kind) {
      case 'challenge':
        this.#login = login;
        return { replies: [step.reply], next: 'continue' };
      case 'refused':
        this.#logBadLogin(login, step);
        return this.#error(step.reply);
      case 'failed':
        this.#logFailure('authenticator', step.cause);
        return say(454, '4.7.0', 'Temporary authentication failure');
      case 'good':
        break;
    }
    const { user, mechanism } = step;
    const answer = await this.#ask('auth', () => this.#handler.auth({ user, mechanism }));
    if (!isPositive(answer.reply)) return stepOf(answer);
    this.#user = user;
    return stepOf({ ...answer, reply: reply(235, '2.7.0', 'Authentication successful') });
  }

  async #mail(argument: string): Promise<Step> {
    if (!this.#greeted) return this.#error(HELO_FIRST);
    if (this.#settings.requireAuth && this.#user === undefined) {
      const text = this.#offersAuth
        ? 'Authentication required'
        : 'Authentication required, say STARTTLS first';
      return this.#error(reply(530, '5.7.0', text));
    }
    if (this.#transaction !== undefined) return this.#error(reply(503, '5.5.1', 'Sender already given'));
    const parsed = parseMailArgument(argument);
    if ('refusal' in parsed) return this.#error(parsed.refusal);
    const sender = parsed.value;
    const refusal = await refuseParams('mail', {
      params: sender.params,
      contextOf: () => this.#extensions(),
    });
    if (refusal !== undefined) {
      const asked = sender.params['OPES-BYPASS'];
      if (asked !== undefined) this.#logBypass(asked, refusal);
      return this.#error(refusal);
    }
    const answer = await this.#ask('mail', () => this.#handler.mail(sender));
    if (isPositive(answer.reply)) {
      const { PRDR, BODY } = sender.params;
      const [prdr, binary] = [PRDR !== undefined, BODY?.toUpperCase() === 'BINARYMIME'];
      this.#transaction = { sender, recipients: [], refused: 0, prdr, binary, announced: undefined };
      this.#refusedChunks.ended = undefined;
    }
    return stepOf(answer);
  }

  async #rcpt(argument: string): Promise<Step> {
    const transaction = this.#transaction;
    if (transaction === undefined) return this.#error(MAIL_FIRST);
    if (transaction.announced !== undefined) return this.#error(BETWEEN_CHUNKS);
    const parsed = parseRcptArgument(argument, { smtputf8: 'SMTPUTF8' in transaction.sender.params });
    const refusal =
      'refusal' in parsed
        ? parsed.refusal
        : await refuseParams('rcpt', { params: parsed.value.params, contextOf: () => this.#extensions() });
    if (refusal !== undefined) transaction.refused += 1;
    if ('refusal' in parsed) return this.#error(parsed.refusal);
    if (refusal !== undefined) return this.#error(refusal);
    if (transaction.recipients.length >= this.#settings.limits.recipients) {
      return say(452, '4.5.3', 'Too many recipients');
    }
    const answer = await this.#ask('rcpt', () => this.#handler.rcpt(parsed.value));
    if (isPositive(answer.reply)) transaction.recipients.push(parsed.value);
    else transaction.refused += 1;
    return stepOf(answer);
  }

  async #data(): Promise<Step> {
    const transaction = this.#transaction;
    if (transaction === undefined) return this.#error(MAIL_FIRST);
    if (transaction.announced !== undefined) return this.#error(BETWEEN_CHUNKS);
    if (transaction.binary) return this.#error(BINARY_NEEDS_BDAT);
    const refused = await this.#refuseMessage(transaction);
    if (refused !== undefined) return refused;
    return {
      replies: [reply(354, undefined, 'End data with <CR><LF>.<CR><LF>')],
      next: 'message',
    };
  }

  /** What refuses a message before any of it has come, if anything does. */
  async #refuseMessage({ recipients, refused }: Transaction): Promise<Step | undefined> {
    if (recipients.length === 0) {
      if (refused === 0) return this.#error(reply(503, '5.5.1', 'Say RCPT first'));
      // A pipelining client did nothing wrong. RFC 5321 section 3.3 allows both codes, RFC 2033 section 4.2 wants 503.
      return say(this.#settings.protocol === 'lmtp' ? 503 : 554, '5.5.1', 'No valid recipients');
    }
    const answer = await this.#ask('data', () => this.#handler.data());
    return isPositive(answer.reply) && !disconnects(answer) ? undefined : stepOf(answer);
  }

  /** RFC 3030 section 2: the octets are taken in any case, and only then is there a reply. */
  async #bdat(argument: string): Promise<Step> {
    const chunk = parseChunk(argument);
    if (chunk === undefined) return { replies: [BAD_CHUNK], next: 'close' };
    const { size, last } = chunk;
    const refused = await this.#refuseChunk(chunk);
    if (refused === undefined) {
      return { replies: [], next: { size, last, binary: this.#transaction!.binary } };
    }
    if (this.#refusedChunks.admits(size)) return { replies: [], next: { size, refused } };
    this.#settings.log.info({ ...this.#ids, size }, 'too many octets in refused chunks');
    return { ...refused, next: 'close' };
  }

  async #refuseChunk({ size, last }: Chunk): Promise<Step | undefined> {
    const transaction = this.#transaction;
    if (transaction !== undefined) {
      const isFirst = transaction.announced === undefined;
      transaction.announced = (transaction.announced ?? 0) + size;
      const refused = isFirst ? await this.#refuseMessage(transaction) : undefined;
      const { maxMessageSize } = this.#settings;
      if (refused === undefined && transaction.announced <= maxMessageSize) return undefined;
      const told = refused?.replies[0] ?? tooLarge(maxMessageSize);
      const cause = { reply: told, cause: 'size', size: transaction.announced, ours: false };
      await this.#endByChunk(told, refused === undefined ? { by: 'message', ...cause } : { by: 'client' });
      if (refused !== undefined && refused.next !== 'continue') return refused;
    }
    const { ended } = this.#refusedChunks;
    if (ended === undefined) return this.#error(MAIL_FIRST);
    // RFC 2033 section 4.2: after the last of the data there is a reply for each recipient.
    const count = last && this.#settings.protocol === 'lmtp' ? Math.max(1, ended.recipients) : 1;
    return { replies: Array<Reply>(count).fill(ended.reply), next: 'continue' };
  }

  /** The chunks that may have been pipelined behind get the same reply. */
  async #endByChunk(told: Reply, ending: Ending): Promise<void> {
    const recipients = this.#transaction?.recipients.length ?? 0;
    await this.#reset(ending);
    this.#refusedChunks.ended = { reply: told, recipients };
  }

  async #askForMessage(spool: Parameters<SessionHandler['message']>[0], count: number): Promise<Answer[]> {
    let answers: Answer[] = [];
    try {
      answers = await this.#handler.message(spool);
      if (answers.length !== count) {
        throw new Error(`Cannot reply to a message: ${answers.length} answers, ${count} needed`);
      }
      return answers;
    } catch (error) {
      this.#logFailure('message', error);
      return Array.from({ length: count }, (_, index) => answers[index] ?? FAILED);
    }
  }

  async #ask(stage: string, question: () => Promise<Answer>): Promise<Answer> {
    try {
      return await question();
    } catch (error) {
      this.#logFailure(stage, error);
      return FAILED;
    }
  }

  /** Ends the transaction, if there is one, without a message. */
  async #reset(ending: Ending, options: { always: boolean } = { always: false }): Promise<void> {
    this.#refusedChunks.ended = undefined;
    if (this.#transaction === undefined && !options.always) return;
    this.#transaction = undefined;
    try {
      await this.#handler.reset(ending);
    } catch (error) {
      this.#logFailure('reset', error);
    }
  }

  #error(refusal: Reply): Step {
    this.#errors += 1;
    if (this.#errors < this.#settings.limits.errors) return { replies: [refusal], next: 'continue' };
    this.#settings.log.info(
      { ...this.#ids, errors: this.#errors, reply: formatReply(refusal) },
      'too many errors',
    );
    return { replies: [reply(421, '4.7.0', 'Too many errors')], next: 'close' };
  }

  #lineTooLong(): Reply {
    return reply(500, '5.5.6', `Line too long, at most ${this.#settings.limits.commandLine} octets`);
  }

  /** For tools that lock out who guesses passwords. A client gets `limits.errors` of them a session. */
  #logBadLogin({ mechanism }: Login, { user }: { user?: string }): void {
    if (user === undefined) return;
    const cleaned = replaceControls(user, '?').slice(0, 255);
    this.#settings.log.info({ ...this.#ids, mechanism, user: cleaned }, 'login failed');
  }

  /** A request to bypass services that nobody else gets to hear of. */
  #logBypass(asked: string, refusal: Reply): void {
    const fields = { by: 'dialog', asked: asked.slice(0, 500), reply: formatReply(refusal) };
    this.#settings.log.info({ ...this.#ids, ...fields }, 'bypass refused');
  }

  #logFailure(stage: string, error: unknown): void {
    const cause = describeError(error);
    this.#settings.log.error({ ...this.#ids, stage, cause }, 'session handler failed');
  }
}

/** From MAIL on. */
interface Transaction {
  readonly sender: Sender;
  readonly recipients: Recipient[];
  /** Recipients that were not accepted. */
  refused: number;
  readonly prdr: boolean;
  /** BODY=BINARYMIME: the body is not lines. */
  readonly binary: boolean;
  /** Octets in chunks so far; undefined before the first. */
  announced: number | undefined;
}

const BAD_LINE = reply(
  500,
  '5.5.2',
  'Bare CR, bare LF or NUL in a command; lines end with CRLF (RFC 5321 section 2.3.8)',
);
const NOT_UTF8 = reply(500, '5.5.2', 'Command is neither ASCII nor UTF-8');
const HELO_FIRST = reply(503, '5.5.1', 'Say HELO, EHLO or LHLO first');
const MAIL_FIRST = reply(503, '5.5.1', 'Say MAIL first');
const BETWEEN_CHUNKS = reply(503, '5.5.1', 'Not between chunks, say BDAT or RSET');
const BINARY_NEEDS_BDAT = reply(503, '5.5.1', 'BODY=BINARYMIME needs BDAT (RFC 3030 section 3)');
const TLS_FIRST = reply(538, '5.7.11', 'AUTH needs TLS, say STARTTLS first');
const NOT_OFFERED = reply(503, '5.5.1', 'AUTH is not offered');
const PRDR_FOLLOWS = reply(353, undefined, 'A reply for each recipient follows');
const FAILED: Answer = { reply: reply(451, '4.3.0', 'Local error in processing') };

/** The command as text, without the white space that RFC 5321 section 4.1.1 asks to tolerate at its end. */
function decode(octets: Buffer): string | undefined {
  if (isAscii(octets)) return octets.toString('latin1').trimEnd();
  return isUtf8(octets) ? octets.toString('utf8').trimEnd() : undefined;
}
