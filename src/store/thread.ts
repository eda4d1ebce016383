import { Worker } from 'node:worker_threads';
import { describeError, OperationalError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { withDeadline } from '../base/deadline.ts';
import { workerUrl } from '../base/worker-url.ts';
import type {
  Answer,
  FromThread,
  Operation,
  Operations,
  StoreStats,
  ThreadOptions,
  WireError,
} from './protocol.ts';

/** How long the thread may be silent while something waits for it. Then the disk hangs. */
const SILENCE_MS = 60_000;
/** Migrations and the end of leases go through the whole database. */
const OPEN_MS = 10 * 60_000;
const CLOSE_MS = 60_000;

interface Waiting {
  /** Takes the result of its operation. */
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
}

/** The main thread's end of the store's thread: sends requests, a batch a tick, and gives each its answer. */
export class StoreThread {
  readonly #worker: Worker;
  readonly #options: ThreadOptions;
  readonly #log: Log;
  readonly #waiting = new Map<number, Waiting>();
  #outbox: { readonly number: number }[] = [];
  #lastNumber = 0;
  #stats: StoreStats = { writes: 0, reads: 0, commits: 0, failedCommits: 0 };
  /** Resolves if the thread ends unasked. */
  readonly ended: Promise<OperationalError>;
  /** Why nothing can be asked any more. */
  #cause: OperationalError | undefined;
  #closing: Promise<void> | undefined;
  #watch: NodeJS.Timeout | undefined;

  private constructor(worker: Worker, { log, ...options }: ThreadOptions & { log: Log }) {
    this.#worker = worker;
    this.#options = options;
    this.#log = log;
    worker.on('message', (message: FromThread) => this.#hear(message));
    this.ended = new Promise((resolve) => {
      worker.on('error', (error) => this.#end(`its thread failed: ${error.message}`, resolve));
      worker.on('exit', () => this.#end('its thread ended', resolve));
    });
  }

  /** Starts the thread and waits until the database is open. Throws what `openDatabase` throws. */
  static async start(options: ThreadOptions & { log: Log }): Promise<StoreThread> {
    const { path, role, reserveOctets } = options;
    const worker = new Worker(workerUrl('./worker.ts', import.meta.url), {
      workerData: { path, role, reserveOctets } satisfies ThreadOptions,
    });
    try {
      await withDeadline(untilReady(worker), { ms: OPEN_MS, what: `opening the store ${path}` });
    } catch (error) {
      await worker.terminate();
      throw error;
    }
    return new StoreThread(worker, options);
  }

  get stats(): StoreStats {
    return this.#stats;
  }

  ask<K extends Operation>(op: K, request: Operations[K]['request']): Promise<Operations[K]['result']> {
    if (this.#cause !== undefined) return Promise.reject(this.#cause);
    return new Promise((resolve, reject) => {
      const number = ++this.#lastNumber;
      this.#waiting.set(number, { resolve, reject });
      // Not a microtask: callers that one answer or one round of I/O woke up all get to ask before it is sent.
      if (this.#outbox.length === 0) setImmediate(() => this.#send());
      const message = { number, op, request };
      this.#outbox.push(message);
      this.#watch ??= setTimeout(() => this.#silent(), SILENCE_MS);
    });
  }

  /** Finishes what was asked, then closes the database. Safe to call twice. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#cause !== undefined) return;
    const closed = this.ask('close', {});
    this.#cause = this.#unavailable('it is closed');
    try {
      await withDeadline(closed, { ms: CLOSE_MS, what: `closing the store ${this.#options.path}` });
    } finally {
      await this.#worker.terminate();
    }
  }

  #send(): void {
    const requests = this.#outbox;
    this.#outbox = [];
    try {
      // oxlint-disable-next-line require-post-message-target-origin -- a thread, not a window
      this.#worker.postMessage(requests);
    } catch (error) {
      // A caller gave something that can't cross, a bug. It is told; it must not end the process from a timer.
      for (const { number } of requests) this.#deliver({ number, error: { message: describeError(error) } });
    }
  }

  #hear(message: FromThread): void {
    if (message.kind === 'note') this.#log.warn({ path: this.#options.path }, message.text);
    if (message.kind !== 'answers') return;
    this.#stats = message.stats;
    for (const answer of message.answers) this.#deliver(answer);
    if (this.#waiting.size > 0) {
      this.#watch?.refresh();
    } else {
      clearTimeout(this.#watch);
      this.#watch = undefined;
    }
  }

  #deliver(answer: Answer): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if ('error' in answer) waiting?.reject(errorFrom(answer.error));
    // oxlint-disable-next-line no-unsafe-type-assertion -- the number ties the answer to its operation
    else waiting?.resolve(answer.value as never);
  }

  #silent(): void {
    this.#watch = undefined;
    const error = this.#unavailable(`the disk has not answered for ${SILENCE_MS} ms`);
    this.#log.error({ waiting: this.#waiting.size }, error.message);
    this.#rejectAll(error);
  }

  #end(cause: string, unasked: (error: OperationalError) => void): void {
    clearTimeout(this.#watch);
    if (this.#cause === undefined) {
      this.#cause = this.#unavailable(cause);
      this.#log.error({ path: this.#options.path }, this.#cause.message);
      unasked(this.#cause);
    }
    this.#rejectAll(this.#cause);
  }

  #rejectAll(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
  }

  #unavailable(cause: string): OperationalError {
    return new OperationalError('store_unavailable', `Cannot use the store ${this.#options.path}: ${cause}`);
  }
}

/** Waits for the thread's first word. Throws what it failed at, also if it ended without a word. */
export function untilReady(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = (): void =>
      reject(new OperationalError('store_unavailable', 'Cannot open the store: its thread ended'));
    worker.once('error', reject);
    worker.once('exit', ended);
    worker.once('message', (message: FromThread) => {
      worker.off('error', reject);
      worker.off('exit', ended);
      if (message.kind === 'failed') reject(errorFrom(message.error));
      else resolve();
    });
  });
}

function errorFrom({ code, message }: WireError): Error {
  return code === undefined ? new Error(message) : new OperationalError(code, message);
}
