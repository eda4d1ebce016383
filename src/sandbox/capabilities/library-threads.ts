import { Worker } from 'node:worker_threads';
import { Alarm } from '../../base/alarm.ts';
import { describeError } from '../../base/errors.ts';
import { workerUrl } from '../../base/worker-url.ts';
import type { LibraryAnswer, LibraryCall, TaskName } from './library-tasks.ts';

/**
 * A few threads for the work of libraries on behalf of capabilities, and for what else is done with whole messages, so that no message, however large or made up, holds up the event
 * loop: what a library does with it is bounded in memory by the thread's heap, and in time by the signal, past which the thread is ended.
 * They are started when there is work, and end when there has been none for a while.
 */
const THREADS = 2;
/** More would not get their turn in time. */
const WAITING = 200;
const REST_MS = 30_000;
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

export class LibraryThreads {
  #threads: LibraryThread[] = [];
  readonly #waiting: Job[] = [];
  readonly #rest = new Alarm(() => this.#endIdle());

  /** What the task gives, or why it gives nothing. Never rejects. The input is plain data. */
  run<Name extends TaskName>(
    call: LibraryCall<Name>,
    { signal }: { signal: AbortSignal },
  ): Promise<LibraryAnswer<Name>> {
    if (signal.aborted) return Promise.resolve(ABORTED);
    if (this.#waiting.length >= WAITING) {
      return Promise.resolve({ fault: `${WAITING} others are waiting for it` });
    }
    return new Promise((resolve) => {
      const job: Job = {
        call,
        signal,
        settle(answer: LibraryAnswer<Name>) {
          signal.removeEventListener('abort', onAbort);
          resolve(answer);
        },
      };
      const onAbort = (): void => this.#abort(job);
      signal.addEventListener('abort', onAbort);
      this.#waiting.push(job);
      this.#dispatch();
    });
  }

  /** Ends all threads; what is under way or waiting is answered with a fault. */
  async close(): Promise<void> {
    this.#rest.clear();
    for (const job of this.#waiting.splice(0)) job.settle(CLOSED);
    const threads = this.#threads;
    this.#threads = [];
    await Promise.all(threads.map((thread) => thread.end(CLOSED)));
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const thread = this.#threads.find(({ isFree }) => isFree) ?? this.#startOne();
      if (thread === undefined) return;
      thread.begin(this.#waiting.shift()!);
    }
  }

  #startOne(): LibraryThread | undefined {
    if (this.#threads.length >= THREADS) return undefined;
    const thread = new LibraryThread({
      free: () => {
        this.#rest.set(REST_MS);
        this.#dispatch();
      },
      gone: () => {
        this.#threads = this.#threads.filter((one) => one !== thread);
        this.#dispatch();
      },
    });
    this.#threads.push(thread);
    return thread;
  }

  #abort(job: Job): void {
    const at = this.#waiting.indexOf(job);
    if (at >= 0) {
      this.#waiting.splice(at, 1);
      return job.settle(ABORTED);
    }
    void this.#threads.find((thread) => thread.isAt(job))?.end(ABORTED);
  }

  #endIdle(): void {
    for (const thread of this.#threads.filter(({ isFree }) => isFree)) void thread.end(CLOSED);
  }
}

interface Job {
  readonly call: LibraryCall;
  readonly signal: AbortSignal;
  // As a method, so that each job can name the answers to its own task: it is given no others.
  settle(answer: LibraryAnswer): void;
}

const ABORTED = { fault: 'it was not done in time' };
const CLOSED = { fault: 'this Postern is stopping' };

class LibraryThread {
  readonly #worker: Worker;
  readonly #handlers: { readonly free: () => void; readonly gone: () => void };
  #job: Job | undefined;
  #gone = false;

  constructor(handlers: { free: () => void; gone: () => void }) {
    this.#handlers = handlers;
    this.#worker = new Worker(workerUrl('./library-worker.ts', import.meta.url), {
      env: {},
      argv: [],
      resourceLimits: RESOURCE_LIMITS,
    });
    this.#worker.unref();
    this.#worker.on('message', (answer: LibraryAnswer) => {
      this.#settle(answer);
      if (!this.#gone) handlers.free();
    });
    this.#worker.on('error', (thrown) => this.#lost({ fault: describeError(thrown) }));
    this.#worker.on('exit', () => this.#lost({ fault: 'its thread ended' }));
  }

  get isFree(): boolean {
    return this.#job === undefined && !this.#gone;
  }

  isAt(job: Job): boolean {
    return this.#job === job;
  }

  begin(job: Job): void {
    this.#job = job;
    // Only while somebody waits does it keep the process alive.
    this.#worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this port is between threads
    this.#worker.postMessage(job.call);
  }

  /** Ends it, whatever it is doing, and answers that with this. */
  async end(answer: LibraryAnswer): Promise<void> {
    this.#lost(answer);
    await this.#worker.terminate();
  }

  #settle(answer: LibraryAnswer): void {
    const job = this.#job;
    this.#job = undefined;
    this.#worker.unref();
    job?.settle(answer);
  }

  #lost(answer: LibraryAnswer): void {
    this.#settle(answer);
    if (this.#gone) return;
    this.#gone = true;
    this.#handlers.gone();
  }
}
