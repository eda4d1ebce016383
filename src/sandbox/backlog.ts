import { FairQueue } from './fair-queue.ts';
import type { Work } from './work.ts';

/** Waiting costs memory only; but so many would not get their turn in time. */
export const BACKLOG_LENGTH = 10_000;

interface Waiting {
  readonly work: Work;
  readonly sinceMs: number;
}

/**
 * The work that waits for a thread: in turns of a line for the work of the same services, and what is in the background after
 * all else.
 */
export class Backlog {
  /** What is left of work that lost its thread. It has waited its turn already, so it goes before the others. */
  readonly #resumed = new FairQueue<Waiting>();
  readonly #fresh = new FairQueue<Waiting>();
  readonly #background = new FairQueue<Waiting>();

  get isEmpty(): boolean {
    return !this.isPressing && this.#background.length === 0;
  }

  /** Something waits that is not in the background. */
  get isPressing(): boolean {
    return this.#resumed.length + this.#fresh.length > 0;
  }

  /** False if there are too many already. */
  add(work: Work): boolean {
    const queue = work.isBackground ? this.#background : this.#fresh;
    if (queue.length >= BACKLOG_LENGTH) return false;
    this.#put(queue, work);
    return true;
  }

  /** Adds what has been under way. */
  resume(work: Work): void {
    this.#put(work.isBackground ? this.#background : this.#resumed, work);
  }

  /** The next that may go. */
  next(may: (work: Work) => boolean = always): Work | undefined {
    return this.nextPressing(may) ?? this.#background.take(({ work }) => may(work))?.work;
  }

  /** The next that may go of those that are not in the background. */
  nextPressing(may: (work: Work) => boolean): Work | undefined {
    const mayGo = ({ work }: Waiting): boolean => may(work);
    return (this.#resumed.take(mayGo) ?? this.#fresh.take(mayGo))?.work;
  }

  /** Takes out what has waited for `queueMs`; what is in the background waits for as long as it takes. */
  expire(queueMs: number): Work[] {
    const untilMs = performance.now() - queueMs;
    return this.#takeOut([this.#resumed, this.#fresh], ({ sinceMs }) => sinceMs <= untilMs);
  }

  /** Takes out what is over because a breaker has opened while it waited. */
  settleRefused(): void {
    const queues = [this.#resumed, this.#fresh, this.#background];
    this.#takeOut(queues, ({ work }) => work.settleRefused());
  }

  clear(): Work[] {
    return this.#takeOut([this.#resumed, this.#fresh, this.#background], always);
  }

  #put(queue: FairQueue<Waiting>, work: Work): void {
    queue.add(work.remaining.join('\n'), { work, sinceMs: performance.now() });
  }

  #takeOut(queues: readonly FairQueue<Waiting>[], which: (waiting: Waiting) => boolean): Work[] {
    return queues.flatMap((queue) => queue.expire(which).map(({ work }) => work));
  }
}

const always = (): boolean => true;
