import { Alarm } from '../base/alarm.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { Thread } from './thread.ts';
import type { LoadedService, Report } from './wire.ts';

export interface CrewOptions {
  readonly services: readonly LoadedService[];
  /** How many are busy in normal times. */
  readonly size: number;
  readonly log: Log;
}

/** How long a thread that is not needed any more is kept. */
const REST_MS = 5000;

/** The threads of a pool: as many as are busy, at least `size`, and one to spare. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #handlers: CrewHandlers;
  /** A list, since it is gone through for each piece of work. */
  #threads: readonly Thread[] = [];
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #rest = new Alarm(() => this.#endSurplus());

  constructor(options: CrewOptions, handlers: CrewHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  get threads(): readonly Thread[] {
    return this.#threads;
  }

  /** Starts threads until there is one to spare. */
  fill(): void {
    for (let surplus = this.#surplus(); surplus < 0; surplus++) this.#spawn();
    if (this.#threads.length > this.#options.size + 1) this.#rest.set(REST_MS);
  }

  /** Ends a thread, whatever it is doing, and replaces it if it is needed. */
  drop(thread: Thread, restartMs: number): void {
    this.#end(thread);
    const timer = setTimeout(() => {
      this.#restarts.delete(timer);
      this.fill();
    }, restartMs);
    this.#restarts.add(timer);
  }

  /** Ends all, for good. */
  async end(): Promise<void> {
    for (const timer of this.#restarts) clearTimeout(timer);
    this.#rest.clear();
    const endings = this.#threads.map((thread) => thread.end());
    this.#threads = [];
    await Promise.all(endings);
  }

  #spawn(): void {
    const thread: Thread = new Thread(this.#options.services, {
      report: (report) => {
        if (!thread.gone) this.#handlers.report(thread, report);
      },
      exit: (cause) => {
        if (!thread.gone) this.#handlers.crash(thread, cause);
      },
      late: () => this.#handlers.late(thread),
    });
    this.#threads = [...this.#threads, thread];
  }

  /** How many threads there are, or will be, over those that are needed. */
  #surplus(): number {
    const busy = this.#threads.filter(({ work }) => work !== undefined).length;
    return this.#threads.length + this.#restarts.size - Math.max(busy, this.#options.size) - 1;
  }

  #endSurplus(): void {
    const resting = this.#threads.filter(({ ready, work }) => ready && work === undefined);
    for (const thread of resting.slice(0, Math.max(0, this.#surplus()))) this.#end(thread);
    if (this.#threads.length > this.#options.size + 1) this.#rest.set(REST_MS);
  }

  #end(thread: Thread): void {
    this.#threads = this.#threads.filter((other) => other !== thread);
    thread.end().catch((thrown: unknown) => {
      this.#options.log.error(
        { cause: describeError(thrown) },
        'a worker thread of the sandbox could not be ended',
      );
    });
  }
}

interface CrewHandlers {
  report(thread: Thread, report: Report): void;
  /** It has ended by itself. */
  crash(thread: Thread, cause: string): void;
  /** Its alarm has rung. */
  late(thread: Thread): void;
}
