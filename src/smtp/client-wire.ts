import type { Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { Alarm } from '../base/alarm.ts';
import type { LocalReplies } from './client-replies.ts';
import { ReplyParser, toReply, type RawReply } from './reply-parser.ts';
import type { DownstreamReply } from './transaction.ts';

/**
 * One socket to a downstream: octets out, replies in, matched to commands in their order.
 *
 * Nothing here throws or rejects: when the connection ends, every reply still waited for is the one in `lost`, and
 * so is every later one. A reply that nobody asked for ends the connection, since from then on replies could be
 * taken for those of other commands.
 */
export class Wire {
  readonly #locals: LocalReplies;
  readonly #parser = new ReplyParser();
  #socket: Socket;
  #waiting: Waiting[] = [];
  readonly #patience = new Alarm(() => this.#timedOut());
  #lost: Loss | undefined;
  #last421: DownstreamReply | undefined;
  #onLost: (() => void) | undefined;

  constructor(socket: Socket, locals: LocalReplies) {
    this.#socket = socket;
    this.#locals = locals;
    this.#listen(socket);
  }

  /** Why the connection is gone; undefined while it stands. */
  get lost(): Loss | undefined {
    return this.#lost;
  }

  /** The downstream said 421: it will close, and no further transaction may begin here. */
  get ending(): boolean {
    return this.#last421 !== undefined;
  }

  /** Called once, when the connection is gone. */
  set onLost(callback: () => void) {
    this.#onLost = callback;
  }

  write(octets: string | Buffer): void {
    if (this.#lost === undefined) this.#socket.write(octets);
  }

  /** Resolves when the socket takes more: false if it took nothing for `ms`, or is gone. */
  async drained(ms: number): Promise<boolean> {
    if (this.#lost === undefined && this.#socket.writableNeedDrain) {
      const socket = this.#socket;
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer);
          socket.off('drain', done).off('close', done);
          resolve();
        };
        const timer = setTimeout(() => {
          this.end({ kind: 'timeout', reply: this.#locals.timeout(), cause: `took no data for ${ms} ms` });
          done();
        }, ms);
        socket.on('drain', done).on('close', done);
      });
    }
    return this.#lost === undefined;
  }

  /** The next reply, raw, for EHLO. `positive` is the class that means yes: 3 for DATA, else 2. */
  receiveRaw(options: { ms: number; positive: 2 | 3 }): Promise<Received> {
    return new Promise((resolve) => {
      if (this.#lost !== undefined) {
        resolve({ reply: this.#lost.reply, lines: [] });
        return;
      }
      this.#await({ ms: options.ms, positive: options.positive, resolve });
    });
  }

  /** The next reply. Waits at most `ms` from when it is the first of those awaited. */
  receive(options: { ms: number; positive: 2 | 3 }): Promise<DownstreamReply> {
    if (this.#lost !== undefined) return Promise.resolve(this.#lost.reply);
    return new Promise((resolve) => {
      this.#await({ ms: options.ms, positive: options.positive, resolve: ({ reply }) => resolve(reply) });
    });
  }

  /**
   * Makes it a TLS connection (RFC 3207). Returns what went wrong, or undefined. Clear text that came behind the
   * reply to STARTTLS was put there by someone in between and ends the connection.
   */
  async startTls(options: ConnectionOptions & { ms: number }): Promise<string | undefined> {
    if (!this.#parser.empty) this.#nonsense('clear text behind the reply to STARTTLS');
    if (this.#lost !== undefined) return this.#lost.cause;
    const { ms, ...tlsOptions } = options;
    const secure = connectTls({ ...tlsOptions, socket: this.#socket });
    this.#socket = secure; // from here on what the plain socket emits is not heard
    const cause = await handshake(secure, ms);
    if (cause !== undefined) this.end({ kind: 'tls', reply: this.#locals.tlsFailed(), cause });
    else this.#listen(secure);
    return cause;
  }

  /** Says QUIT and closes; resolves when the socket is closed, without waiting long for the downstream. */
  async quit(): Promise<void> {
    if (this.#lost !== undefined) return;
    const socket = this.#socket;
    this.#settle({ kind: 'ours', reply: this.#locals.closing(), cause: 'QUIT' });
    socket.end('QUIT\r\n');
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => socket.destroy(), QUIT_MS);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  /** Ends the connection at once; everything awaited gets `loss.reply`. */
  end(loss: Loss): void {
    this.#settle(loss);
    this.#socket.destroy();
  }

  #listen(socket: Socket): void {
    const closed = (cause: string) => {
      if (socket !== this.#socket) return;
      this.end({ kind: 'closed', reply: this.#last421 ?? this.#locals.closed(), cause });
    };
    socket.on('data', (octets: Buffer) => {
      if (socket === this.#socket) this.#take(octets);
    });
    socket.on('error', (error: NodeJS.ErrnoException) => closed(error.code ?? error.message));
    socket.on('end', () => closed('closed by the downstream'));
    socket.on('close', () => closed('closed'));
  }

  #take(octets: Buffer): void {
    if (this.#lost !== undefined) return;
    this.#parser.push(octets);
    while (this.#lost === undefined) {
      const parsed = this.#parser.next();
      if (parsed === undefined) return;
      if ('nonsense' in parsed) this.#nonsense(parsed.nonsense);
      else this.#reply(parsed.reply);
    }
  }

  #reply(raw: RawReply): void {
    const value: DownstreamReply = toReply(raw);
    if (value.code === 421) this.#last421 = value;
    const waiting = this.#waiting[0];
    if (waiting === undefined) {
      // In the middle of a message this is the downstream giving up on it; its words are then the outcome.
      const reply = value.code >= 400 ? value : this.#locals.nonsense(`${value.code} unasked`);
      this.end({ kind: 'unasked', reply, cause: `a reply that nobody asked for: ${value.code}` });
      return;
    }
    // Any other positive class would be taken for a yes by whoever asks only whether it is positive.
    if (value.code < 400 && Math.floor(value.code / 100) !== waiting.positive) {
      this.#nonsense(`${value.code} where a ${waiting.positive}xx was due`);
      return;
    }
    this.#waiting.shift();
    this.#startTimer();
    waiting.resolve({ reply: value, lines: raw.lines });
  }

  #nonsense(what: string): void {
    this.end({ kind: 'nonsense', reply: this.#locals.nonsense(what), cause: `nonsense: ${what}` });
  }

  #await(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#waiting.length === 1) this.#startTimer();
  }

  #startTimer(): void {
    const ms = this.#waiting[0]?.ms;
    if (ms === undefined) this.#patience.unset();
    else this.#patience.set(ms);
  }

  #timedOut(): void {
    const cause = `no reply within ${this.#waiting[0]?.ms} ms`;
    this.end({ kind: 'timeout', reply: this.#locals.timeout(), cause });
  }

  #settle(loss: Loss): void {
    if (this.#lost !== undefined) return;
    this.#lost = loss;
    this.#patience.clear();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { resolve } of waiting) resolve({ reply: loss.reply, lines: [] });
    this.#onLost?.();
  }
}

/** How long a downstream has for its answer to QUIT. */
const QUIT_MS = 1000;

/** Why a connection is gone. `closed`: by the downstream or the network. `ours`: by us, in peace. */
export interface Loss {
  readonly kind: 'closed' | 'unasked' | 'timeout' | 'nonsense' | 'tls' | 'ours';
  /** What those are told who still wait for a reply. */
  readonly reply: DownstreamReply;
  /** For the log only. */
  readonly cause: string;
}

interface Received {
  readonly reply: DownstreamReply;
  /** Text lines as they came, all of them. */
  readonly lines: readonly string[];
}

interface Waiting {
  readonly ms: number;
  readonly positive: 2 | 3;
  readonly resolve: (received: Received) => void;
}

/** Waits for a handshake; returns what went wrong, or undefined. */
function handshake(socket: TLSSocket, ms: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => done(`no TLS handshake within ${ms} ms`), ms);
    const done = (cause: string | undefined) => {
      clearTimeout(timer);
      socket.off('secureConnect', secured).off('close', closed);
      resolve(cause);
    };
    const secured = () => done(undefined);
    const closed = () => done('closed during the TLS handshake');
    socket.on('secureConnect', secured).on('close', closed);
    // Stays: a late error of a socket that is being destroyed must not end the process.
    socket.on('error', (error) => done(error.message));
  });
}
