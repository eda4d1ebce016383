import type { ClientConnection, Connected } from './client-connection.ts';
import type { LocalReplies } from './client-replies.ts';

/**
 * The connections to one downstream: at most `max` at a time, idle ones kept for the next transaction.
 *
 * The one used last is used first, so that under little load the others grow old; past `idleMs` they are closed.
 * Who finds no free connection waits in line, first come first served, at most `waitMs`.
 */
export interface PoolOptions {
  readonly connect: () => Promise<Connected>;
  readonly max: number;
  readonly idleMs: number;
  readonly waitMs: number;
  readonly maxTransactions: number;
  /** What those in line are told after `waitMs`, and everyone once the pool is closing. */
  readonly locals: Pick<LocalReplies, 'busy' | 'closing'>;
}

export class ConnectionPool {
  readonly #options: PoolOptions;
  /** Oldest first. */
  readonly #idle: { readonly connection: ClientConnection; readonly since: number }[] = [];
  readonly #busy = new Set<ClientConnection>();
  readonly #quitting = new Set<Promise<void>>();
  readonly #line = new Set<(connected: Connected) => void>();
  #connecting = 0;
  #sweep: NodeJS.Timeout | undefined;
  #closing = false;
  #closed: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** A connection to begin a transaction on. Give it back with `release`, or change it for a new one with `renew`. */
  async acquire(): Promise<Connected> {
    if (this.#closing) return { failure: this.#options.locals.closing() };
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      this.#busy.add(idle.connection);
      return idle;
    }
    if (this.#busy.size + this.#connecting < this.#options.max) return this.#connect();
    return this.#wait();
  }

  /** Gives a connection back. Where it is not fit for another transaction it is closed. */
  release(connection: ClientConnection): void {
    this.#busy.delete(connection);
    const { wire, transactions } = connection;
    const fit =
      wire.lost === undefined &&
      !wire.ending &&
      !this.#closing &&
      transactions < this.#options.maxTransactions;
    if (!fit) {
      this.#quit(connection);
      this.#serveLine();
      return;
    }
    const [next] = this.#line;
    if (next !== undefined) {
      this.#line.delete(next);
      this.#busy.add(connection);
      next({ connection });
      return;
    }
    this.#idle.push({ connection, since: Date.now() });
    this.#startSweep();
  }

  /** Ends a connection and makes a new one in its place, past the line. */
  renew(connection: ClientConnection): Promise<Connected> {
    this.#busy.delete(connection);
    this.#quit(connection);
    return this.#connect();
  }

  /** Closes the idle ones, waits for the busy ones at most `deadlineMs`, then ends those. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#sweep);
    for (const next of this.#line) next({ failure: this.#options.locals.closing() });
    this.#line.clear();
    for (const { connection } of this.#idle.splice(0)) this.#quit(connection);
    if (this.#size > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        timer = setTimeout(resolve, deadlineMs);
        this.#closed = resolve;
      });
      clearTimeout(timer);
    }
    for (const { wire } of this.#busy) {
      wire.end({ kind: 'ours', reply: this.#options.locals.closing(), cause: 'closing' });
    }
    await Promise.all(this.#quitting);
  }

  get #size(): number {
    return this.#busy.size + this.#connecting;
  }

  async #connect(): Promise<Connected> {
    this.#connecting += 1;
    let connected: Connected;
    try {
      connected = await this.#options.connect();
    } finally {
      this.#connecting -= 1;
    }
    if ('failure' in connected) {
      this.#serveLine();
      return connected;
    }
    const { connection } = connected;
    if (this.#closing) {
      this.#quit(connection);
      this.#serveLine();
      return { failure: this.#options.locals.closing() };
    }
    this.#busy.add(connection);
    connection.wire.onLost = () => this.#forget(connection);
    return connected;
  }

  /** A place became free: the first in line gets a new connection. */
  #serveLine(): void {
    if (this.#size === 0) this.#closed?.();
    const [next] = this.#line;
    if (next === undefined || this.#size >= this.#options.max) return;
    this.#line.delete(next);
    void this.#connectFor(next);
  }

  async #connectFor(next: (connected: Connected) => void): Promise<void> {
    next(await this.#connect());
  }

  #wait(): Promise<Connected> {
    return new Promise((resolve) => {
      const next = (connected: Connected) => {
        clearTimeout(timer);
        resolve(connected);
      };
      const timer = setTimeout(() => {
        this.#line.delete(next);
        resolve({ failure: this.#options.locals.busy() });
      }, this.#options.waitMs);
      this.#line.add(next);
    });
  }

  /** An idle connection is gone; a busy one is given back by whoever has it. */
  #forget(connection: ClientConnection): void {
    const index = this.#idle.findIndex((idle) => idle.connection === connection);
    if (index !== -1) this.#idle.splice(index, 1);
  }

  #quit({ wire }: ClientConnection): void {
    const done = wire.quit().finally(() => this.#quitting.delete(done));
    this.#quitting.add(done);
  }

  #startSweep(): void {
    const oldest = this.#idle[0];
    if (oldest === undefined || this.#sweep !== undefined) return;
    const ms = Math.max(0, oldest.since + this.#options.idleMs - Date.now());
    this.#sweep = setTimeout(() => {
      this.#sweep = undefined;
      const limit = Date.now() - this.#options.idleMs;
      while (this.#idle[0] !== undefined && this.#idle[0].since <= limit)
        this.#quit(this.#idle.shift()!.connection);
      this.#startSweep();
    }, ms);
    this.#sweep.unref();
  }
}
