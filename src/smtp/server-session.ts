import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import type { SMTPServer } from 'smtp-server';
import { Alarm } from '../base/alarm.ts';
import { describeError } from '../base/errors.ts';
import { formatReply, reply, type Reply } from '../mail/reply.ts';
import type { HandlerFactory, TlsFacts } from './handler.ts';
import type { ListenerSettings } from './listener-options.ts';
import { Receiver, type ReceiverOwner } from './receiver.ts';
import { counted } from './server-chunks.ts';
import { Dialog } from './server-dialog.ts';
import { MessageIntake } from './server-intake.ts';
import type { CommandLine } from './server-lines.ts';
import { wireReply } from './server-replies.ts';
import type { ChunkStep, Step } from './server-step.ts';

/** The listener, as its sessions see it. */
export interface SessionHost extends SMTPServer {
  readonly settings: ListenerSettings;
  readonly makeHandler: HandlerFactory;
  /** The reply that refuses a new session, if there are too many. */
  refuseSession(address: string): Reply | undefined;
  /** The handler was told `close`, or there never was one. */
  sessionEnded(session: ServerSession): void;
}

/**
 * One client connection: `smtp-server`'s connection with everything replaced that decides. What is kept: the upgrade to TLS,
 * which retires the parser so that nothing said in plain text survives, and the orderly close of the socket.
 *
 * The session is the only one that writes to the socket. Replies to commands that came together go out together, unless
 * a handler takes longer than the turn of the event loop. One step is under way at a time.
 */
export class ServerSession extends SMTPConnection implements ReceiverOwner {
  declare readonly _server: SessionHost;
  #dialog: Dialog | undefined;
  #intake: MessageIntake | undefined;
  /** What to do once all octets have come that the receiver takes for no command. */
  #atEnd: () => Promise<void> = async () => {};
  #step: Promise<void> = Promise.resolve();
  #busy = false;
  #pending = '';
  #flushing = false;
  #reason: string | undefined;
  #ended = false;
  #shutdown = false;
  #idle: NodeJS.Timeout | undefined;
  /** Set from MAIL to the end of the data: progress of any kind does not let a client hold a downstream for ever. */
  readonly #transactionEnd = new Alarm(() => this.#tookTooLong());
  #timed = false;
  #overdue = false;
  /** The outermost socket: during the handshake already the TLS one, which must be destroyed first. */
  #outer: Socket | undefined;

  /** The base class's constructor calls this, before any field of this class exists. */
  override _createParser(): Receiver {
    const { limits, lineEndings } = this._server.settings;
    const receiver = new Receiver(this, { maxLength: limits.commandLine, lineEndings });
    receiver.on('error', (error) => this.#fail(error));
    return receiver;
  }

  override init(): void {
    const socket = this._socket;
    socket.on('close', () => this._onClose());
    socket.on('error', (error) => this._onError(error));
    const { idleSeconds } = this._server.settings.limits;
    this.#outer = socket;
    this.#idle = setTimeout(() => this.#timedOut(), idleSeconds * 1000);
    void this.#run(() => this.#greet());
  }

  /** Ends the session as soon as no transaction is under way. */
  shutDown(): void {
    this.#shutdown = true;
    if (this._upgrading) this.destroy('shutdown');
    else if (!this.#busy && this.#dialog?.inTransaction !== true) this.#end(SHUTTING_DOWN, 'shutdown');
  }

  /** Ends the session now. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#outer?.destroy();
  }

  async command(line: CommandLine): Promise<void> {
    const dialog = this.#dialog!;
    const pipelined = this.#receiver !== undefined && this.#receiver.unread > 0;
    if (this.#pending !== '') this.#flushSoon();
    await this.#run(async () => await this.#follow(await dialog.command(line, { pipelined })));
  }

  async messageEnd(): Promise<void> {
    await this.#run(this.#atEnd);
  }

  progress(): void {
    this.#idle?.refresh();
  }

  drained(): void {
    this.#flush();
  }

  hungUp(): void {
    this.#flush();
    this.#reason ??= 'client closed the connection';
    this.close();
  }

  /** Called by the base class once the handshake is done, before anything from inside TLS is read. */
  secured(socket: TLSSocket, done: (error?: Error | null) => void): void {
    const { version, name: cipher } = socket.getCipher();
    const servername = socket.servername;
    const named = typeof servername === 'string' && servername !== '';
    const facts: TlsFacts = {
      version: socket.getProtocol() ?? version,
      cipher,
      ...(named ? { servername } : {}),
    };
    socket.on('error', (error) => this._onError(error));
    void this.#run(async () => {
      await this.#follow(await this.#dialog!.secured(facts));
      if (!this._closing && !this._closed) done();
    });
  }

  override close(): void {
    this.#flush();
    super.close();
  }

  /** Called by the base class with the TLS socket as the handshake begins; the timeout itself is ours. */
  override _armTimeout(socket: Socket = this._socket): void {
    this.#outer = socket;
    socket.once('end', () => {
      // Half a connection is enough for replies, but not for a handshake.
      if (this._upgrading) this.destroy('client left during the TLS handshake');
    });
  }

  override _onError(error: Error & { code?: string | undefined }): void {
    const handshake = this._upgrading;
    const cause = describeError(error);
    // A failed handshake is told by the TLS socket and once more by the one below it.
    const known = this.#reason !== undefined;
    this.#reason ??= handshake ? `TLS handshake failed: ${cause}` : `connection lost: ${cause}`;
    if (handshake) {
      if (!known) this.#log('warn', { cause }, 'TLS handshake failed');
    } else if (this.#dialog?.inTransaction === true) {
      this.#log('debug', { cause }, 'connection lost in a transaction');
    }
    this.#outer?.destroy();
  }

  override _onClose(): void {
    if (this.#ended) return;
    this.#ended = true;
    this._closed = true;
    clearTimeout(this._closeTimer);
    clearTimeout(this.#idle);
    this.#transactionEnd.clear();
    this._server.connections.delete(this);
    void this.#finish();
  }

  async #greet(): Promise<void> {
    const { settings, makeHandler } = this._server;
    // Gone before it was accepted: nobody to serve, and no address to tell the handler.
    if (this.remoteAddress === '') return this.destroy('client was gone at once');
    const refusal = this._server.refuseSession(this.remoteAddress);
    if (refusal !== undefined) {
      this.#log('info', { reply: formatReply(refusal) }, 'session refused');
      return this.#end(refusal, 'too many sessions');
    }
    const handler = makeHandler({
      sessionId: this.id,
      address: this.remoteAddress,
      port: this.remotePort,
      localAddress: this.localAddress,
      localPort: this.localPort,
    });
    this.#dialog = new Dialog({ settings, handler, sessionId: this.id, client: this.remoteAddress });
    if (settings.greetingDelayMs > 0 && (await speaksWithin(this._socket, settings.greetingDelayMs))) {
      this.#log('info', {}, 'client spoke before the greeting');
      return this.#end(reply(421, '4.7.0', 'You spoke before the greeting'), 'spoke before the greeting');
    }
    await this.#follow(await this.#dialog.connect());
    this.#flush();
    if (!this._closing && !this._closed) this._socket.pipe(this.#receiver!);
  }

  get #receiver(): Receiver | undefined {
    return this._parser instanceof Receiver ? this._parser : undefined;
  }

  /** Runs one step; whatever it throws ends the session, and nothing else. */
  #run(step: () => Promise<void>): Promise<void> {
    this.#step = this.#attempt(step);
    return this.#step;
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    this.#busy = true;
    try {
      await step();
      if (this.#dialog?.inTransaction !== true) await this.#dropMessage();
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#busy = false;
      this.#idle?.refresh();
      this.#timeTransaction();
      if (this.#shutdown) this.shutDown();
    }
  }

  async #follow(step: Step): Promise<void> {
    for (const value of step.replies) this.#pending += wireReply(value);
    switch (step.next) {
      case 'close':
        this.#reason ??= `closed after ${step.replies.at(-1)?.code}`;
        this.close();
        return;
      case 'tls':
        this.#flush();
        this.upgrade(() => false);
        return;
      case 'message':
        this.#atEnd = () => this.#endMessage();
        this.#receiver?.receiveMessage(this.#beginMessage('dots'));
        return;
      case 'continue':
        await this.#writable();
        return;
      default:
        await this.#receiveChunk(step.next);
    }
  }

  #beginMessage(framing: 'dots' | 'chunks' | 'binary'): MessageIntake {
    const { maxMessageSize: maxSize, lineEndings, spoolDirectory, log } = this._server.settings;
    const options = { framing, maxSize, lineEndings, spoolDirectory, log, sessionId: this.id };
    this.#intake = new MessageIntake(options);
    return this.#intake;
  }

  async #endMessage(): Promise<void> {
    this.#stopTiming();
    const result = await this.#intake!.finish();
    this.#intake = undefined;
    await this.#follow(await this.#dialog!.message(result));
  }

  /** All chunks of a message have one intake. */
  async #receiveChunk(chunk: ChunkStep): Promise<void> {
    const { size } = chunk;
    if ('refused' in chunk) {
      this.#atEnd = () => this.#follow(chunk.refused);
    } else {
      this.#intake ??= this.#beginMessage(chunk.binary ? 'binary' : 'chunks');
      this.#atEnd = chunk.last ? () => this.#endMessage() : () => this.#endChunk(size);
    }
    if (size === 0) return await this.#atEnd();
    const intake = 'refused' in chunk ? undefined : this.#intake;
    this.#receiver?.receiveMessage(counted(size, async (octets) => intake?.take(octets)));
  }

  async #endChunk(size: number): Promise<void> {
    const refusal = this.#intake!.refusal;
    await this.#follow(await this.#dialog!.chunk({ size, refusal }));
  }

  /** The transaction ended otherwise than with its message. */
  async #dropMessage(): Promise<void> {
    const intake = this.#intake;
    this.#intake = undefined;
    await intake?.abandon();
  }

  #end(last: Reply, reason: string): void {
    if (this._closing || this._closed) return;
    this.#pending += wireReply(last);
    this.#reason ??= reason;
    this.close();
  }

  #flush(): void {
    const text = this.#pending;
    if (text === '' || this._upgrading) return;
    this.#pending = '';
    if (this._socket.writable) this._socket.write(text, 'latin1');
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.#flush();
    });
  }

  /** A client that sends commands and reads no replies is not read on from; the idle timer ends it. */
  async #writable(): Promise<void> {
    const socket = this._socket;
    if (this.#pending.length > MAX_PENDING) this.#flush();
    if (!socket.writableNeedDrain || socket.destroyed) return;
    this.#busy = false;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  #timedOut(): void {
    if (this.#busy && !this._upgrading) {
      // The client waits for us, not we for it.
      this.#idle?.refresh();
      return;
    }
    if (this._upgrading) {
      this.#log('info', {}, 'TLS handshake timed out');
      this.destroy('TLS handshake timed out');
      return;
    }
    // One that does not read would not read this either.
    if (this._socket.writableNeedDrain) this.destroy('idle timeout');
    else this.#end(reply(421, '4.4.2', 'Idle for too long'), 'idle timeout');
  }

  #timeTransaction(): void {
    if (this.#dialog?.inTransaction !== true || this._closed) return this.#stopTiming();
    if (this.#overdue) return this.#endOverdue();
    if (this.#timed) return;
    this.#timed = true;
    this.#transactionEnd.set(this._server.settings.limits.transactionSeconds * 1000);
  }

  #stopTiming(): void {
    this.#timed = false;
    this.#overdue = false;
    this.#transactionEnd.unset();
  }

  #tookTooLong(): void {
    this.#overdue = true;
    // A command that is under way is answered first.
    if (!this.#busy) this.#endOverdue();
  }

  #endOverdue(): void {
    const reason = 'transaction took too long';
    if (this._socket.writableNeedDrain) this.destroy(reason);
    else this.#end(reply(421, '4.4.2', 'Transaction took too long'), reason);
  }

  /** A mistake of ours. */
  #fail(error: unknown): void {
    this.#log('error', { cause: describeError(error) }, 'session failed');
    this.#end(reply(421, '4.3.0', 'Local error in processing'), 'local error');
  }

  async #finish(): Promise<void> {
    const receiver = this.#receiver;
    if (receiver !== undefined) {
      this._socket.unpipe(receiver);
      receiver.isClosed = true;
      await receiver.settled;
    }
    await this.#step;
    await this.#dropMessage();
    await this.#dialog?.hangUp(this.#reason ?? 'client closed the connection');
    this._server.sessionEnded(this);
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', fields: object, message: string): void {
    const { log, name } = this._server.settings;
    log[level]({ listener: name, session: this.id, client: this.remoteAddress, ...fields }, message);
  }
}

const SHUTTING_DOWN = reply(421, '4.3.2', 'Shutting down, try again later');

/** Octets of replies that are held back at most, for commands that came together. */
const MAX_PENDING = 16 * 1024;

/** Whether the client sends anything within `ms` milliseconds. It stays in the socket's buffer. */
function speaksWithin(socket: Socket, ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      socket.off('readable', done);
      socket.off('close', done);
      resolve(socket.readableLength > 0);
    };
    const timer = setTimeout(done, ms);
    socket.on('readable', done);
    socket.on('close', done);
  });
}
