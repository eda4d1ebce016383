import { describeError, OperationalError } from '../base/errors.ts';
import { withDeadline } from '../base/deadline.ts';
import type { Log } from '../base/log.ts';
import type { FailureKind } from '../ocp/service.ts';
import { Thread } from './thread.ts';
import type { LoadedService, Report } from './wire.ts';
import type { Work } from './work.ts';

/**
 * The worker threads: at most `size` are busy, one piece of work each, and one more is kept warm, so that the work of a thread
 * that had to be ended goes on at once. A thread that ends is replaced.
 *
 * A service past its deadline costs its thread; so does one that exhausts the thread's heap. Work that waits longer than
 * `queueMs` for a thread, or finds QUEUE_LENGTH others waiting, fails with kind `deadline`: its mail is better deferred than held.
 */
export interface PoolOptions {
  readonly services: readonly LoadedService[];
  readonly size: number;
  readonly queueMs: number;
  readonly log: Log;
}

const QUEUE_LENGTH = 10_000;
const START_DEADLINE_MS = 30_000;
/** A thread that dies while it starts would die again at once. */
const RESTART_DELAY_MS = 1000;
/** How long a thread may take to notice its task, and between two services: only a stalled machine needs it. */
const GRACE_MS = 5000;

interface Waiting {
  readonly work: Work;
  readonly expiry: NodeJS.Timeout;
}

export class Pool {
  readonly #options: PoolOptions;
  readonly #threads = new Set<Thread>();
  readonly #restarts = new Set<NodeJS.Timeout>();
  #queue: Waiting[] = [];
  #onReady: ((fault?: string) => void) | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Starts the threads; resolves when all can take work. Throws an OperationalError if they can't. */
  async start(): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      this.#onReady = (fault) => {
        if (fault !== undefined) {
          reject(
            new OperationalError('worker_start', `Cannot start the worker threads of the sandbox: ${fault}`),
          );
        } else if ([...this.#threads].every((thread) => thread.ready)) resolve();
      };
    });
    for (let count = 0; count <= this.#options.size; count++) this.#spawn();
    try {
      await withDeadline(ready, { ms: START_DEADLINE_MS, what: 'the start of the worker threads' });
    } catch (thrown) {
      await this.close();
      throw thrown;
    } finally {
      this.#onReady = undefined;
    }
  }

  /** Takes work; its end is told to the work itself. */
  submit(work: Work): void {
    if (this.#closed) return abandon(work, { failure: 'load', cause: CLOSED });
    if (this.#queue.length >= QUEUE_LENGTH) {
      return abandon(work, {
        failure: 'deadline',
        cause: `${QUEUE_LENGTH} others were waiting for a worker thread`,
      });
    }
    const idle = this.#queue.length === 0 ? this.#idleThread() : undefined;
    if (idle === undefined) this.#enqueue(work, 'push');
    else this.#begin(idle, work);
  }

  /** Ends all threads. Work under way or waiting fails with kind `load`. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#restarts) clearTimeout(timer);
    const works = this.#queue.map(({ work, expiry }) => {
      clearTimeout(expiry);
      return work;
    });
    this.#queue = [];
    const endings = [...this.#threads].map((thread) => {
      if (thread.work !== undefined) works.push(thread.work);
      return thread.end();
    });
    this.#threads.clear();
    for (const work of works) abandon(work, { failure: 'load', cause: CLOSED });
    await Promise.all(endings);
  }

  #spawn(): void {
    const thread: Thread = new Thread(this.#options.services, {
      report: (report) => {
        if (!thread.gone) this.#onReport(thread, report);
      },
      exit: (cause) => {
        if (!thread.gone) this.#onCrash(thread, cause);
      },
      late: () => this.#onDeadline(thread),
    });
    this.#threads.add(thread);
  }

  /** A thread that may begin with something; undefined if there is none, or as many as may be are busy. */
  #idleThread(): Thread | undefined {
    let busy = 0;
    let idle: Thread | undefined;
    for (const thread of this.#threads) {
      if (thread.work !== undefined) busy += 1;
      else if (thread.ready) idle ??= thread;
    }
    return busy < this.#options.size ? idle : undefined;
  }

  #begin(thread: Thread, work: Work): void {
    thread.work = work;
    thread.send(work.task());
    this.#watch(thread, work.atWork.deadlineMs);
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const idle = this.#idleThread();
      if (idle === undefined) return;
      const { work, expiry } = this.#queue.shift()!;
      clearTimeout(expiry);
      this.#begin(idle, work);
    }
  }

  #enqueue(work: Work, how: 'push' | 'unshift'): void {
    const waiting: Waiting = {
      work,
      expiry: setTimeout(() => {
        this.#queue = this.#queue.filter((other) => other !== waiting);
        const cause = `no worker thread was free within ${this.#options.queueMs} ms`;
        abandon(work, { failure: 'deadline', cause });
      }, this.#options.queueMs),
    };
    this.#queue[how](waiting);
  }

  #onReport(thread: Thread, report: Report): void {
    if (report.kind === 'ready') {
      thread.ready = true;
      this.#onReady?.();
    } else if (thread.work?.take(report) === true) {
      thread.work = undefined;
      thread.deadline.unset();
    } else {
      if (thread.work !== undefined) this.#watch(thread, thread.work.atWork.deadlineMs);
      return;
    }
    this.#dispatch();
  }

  /** Takes what a thread has said and the event loop has not delivered yet. */
  #hear(thread: Thread): void {
    for (let report = thread.nextReport(); report !== undefined; report = thread.nextReport()) {
      this.#onReport(thread, report);
    }
  }

  #watch(thread: Thread, ms: number): void {
    thread.deadline.set(Math.max(1, ms));
  }

  #onDeadline(thread: Thread): void {
    const { work } = thread;
    this.#hear(thread);
    if (work === undefined || thread.work !== work) return;
    const { index, deadlineMs, service } = work.atWork;
    const current = thread.progress.current();
    const begun = current !== undefined && current.index >= index;
    if (!begun && thread.stalledAt !== index) {
      thread.stalledAt = index;
      return this.#watch(thread, GRACE_MS);
    }
    const elapsedMs = begun ? current.elapsedMs : deadlineMs;
    if (elapsedMs < deadlineMs) return this.#watch(thread, Math.ceil(deadlineMs - elapsedMs));
    this.#options.log.warn(
      { service, deadlineMs },
      'service passed its deadline, its worker thread was ended',
    );
    this.#drop(thread, 0);
    this.#lose(work, { failure: 'deadline', cause: `it took longer than ${deadlineMs} ms`, elapsedMs });
  }

  #onCrash(thread: Thread, cause: string): void {
    this.#hear(thread);
    const { work, progress, ready } = thread;
    this.#onReady?.(cause);
    this.#options.log.error({ service: work?.atWork.service, cause }, 'a worker thread of the sandbox ended');
    this.#drop(thread, ready ? 0 : RESTART_DELAY_MS);
    const elapsedMs = progress.current()?.elapsedMs ?? 0;
    if (work !== undefined) this.#lose(work, { failure: 'trap', cause, elapsedMs });
  }

  #drop(thread: Thread, restartMs: number): void {
    this.#threads.delete(thread);
    thread.end().catch((thrown: unknown) => {
      this.#options.log.error(
        { cause: describeError(thrown) },
        'a worker thread of the sandbox could not be ended',
      );
    });
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.#spawn();
    }, restartMs);
    this.#restarts.add(timer);
  }

  #lose(work: Work, lost: { failure: FailureKind; cause: string; elapsedMs: number }): void {
    const { failure, cause, elapsedMs } = lost;
    // What is left goes before the others: it has waited its turn already, and the spare thread is there for it.
    if (!work.lose({ failure, cause, micros: Math.round(elapsedMs * 1000) })) this.#enqueue(work, 'unshift');
    this.#dispatch();
  }
}

const CLOSED = 'the sandbox was closed';

function abandon(work: Work, lost: { failure: FailureKind; cause: string }): void {
  while (!work.lose({ ...lost, micros: 0 }));
}
