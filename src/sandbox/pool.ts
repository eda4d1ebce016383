import { Alarm } from '../base/alarm.ts';
import { withDeadline } from '../base/deadline.ts';
import { describeError, OperationalError } from '../base/errors.ts';
import type { CapabilityAnswer, CapabilityHost } from '../ocp/capability.ts';
import type { FailureKind, OutcomeFailure } from '../ocp/service.ts';
import { Ahead } from './ahead.ts';
import { Backlog, BACKLOG_LENGTH } from './backlog.ts';
import { Crew, isFree, type CrewOptions } from './crew.ts';
import type { CrewMember } from './crew-member.ts';
import type { HostRequest } from './host-line.ts';
import type { Report } from './wire.ts';
import type { Work } from './work.ts';

/**
 * Worker threads: `size` are busy, one piece of work each, and one more is kept warm, so that the work of a thread that had
 * to be ended goes on at once. A thread that ends is replaced. A service past its deadline costs its thread; so does one that
 * exhausts the thread's heap. Or the confined processes of one service (`pools.ts`): to a pool they are threads, too.
 *
 * What waits for a thread waits in a line with the work of the same services, and the lines are served in turn. Threads at a call
 * that takes longer than SLOW_MS don't count, up to `size` of them: others go on beside them, as many threads busy in all as
 * 2 × `size`. No service gets more than `size` by that, and each further thread must leave as many free as the service has, so
 * that none is ever taken by one that already has all the others. So a service that spins holds up its own mail, and that of others
 * for SLOW_MS.
 *
 * Threads that have waited for the answer of a capability for SLOW_MS take no processor: beside all those, up to `waiting` of them don't
 * count either. Each further thread must leave as many of these places as its services have at that moment, so that several that wait for
 * different servers share them, and none gets more than about half. So a storm of slow look-ups holds up the mail of the services that
 * ask for them, and of no other.
 *
 * Reports get what is left over, and what nothing else wants goes into instances made ahead of need (`ahead.ts`).
 *
 * Work that waits longer than `queueMs`, or finds BACKLOG_LENGTH others waiting, fails with kind `overload`: its mail is better
 * deferred than held.
 *
 * What a guest asks for outside is answered for the service that its thread was put to work for. A call that passed its deadline after
 * it had waited for such answers most of the time has failed by what is outside: kind `capability`, not `deadline`.
 */
export interface PoolOptions extends CrewOptions {
  readonly capabilities: CapabilityHost;
  readonly queueMs: number;
  /** How many may wait for capabilities beside those that are busy. */
  readonly waiting: number;
  /** The deadline of each service, in ms. */
  readonly deadlines: ReadonlyMap<string, number>;
  /** How long after its crash one is replaced. */
  readonly crashDelayMs: number;
}

const START_DEADLINE_MS = 30_000;
/** A thread that dies while it starts would die again at once. */
const RESTART_DELAY_MS = 1000;
/** How long a thread may take to notice its task, and between two services: only a stalled machine needs it. */
const GRACE_MS = 5000;
/** Most calls take less than a millisecond. */
const SLOW_MS = 50;

export class Pool {
  readonly #options: PoolOptions;
  readonly #crew: Crew;
  readonly #ahead: Ahead;
  readonly #backlog = new Backlog();
  readonly #tick = new Alarm(() => this.#onTick());
  #ticks = false;
  #onReady: ((fault?: string) => void) | undefined;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#crew = new Crew(options, {
      report: (thread, report) => this.#onReport(thread, report),
      crash: (thread, cause) => this.#onCrash(thread, cause),
      late: (thread) => this.#onDeadline(thread),
    });
    this.#ahead = new Ahead({ ...options, crew: this.#crew });
  }

  /** Starts the threads; resolves when all can take work. Throws an OperationalError if they can't. */
  async start(): Promise<void> {
    const { noun } = this.#options;
    const ready = new Promise<void>((resolve, reject) => {
      this.#onReady = (fault) => {
        if (fault !== undefined) {
          reject(new OperationalError('worker_start', `Cannot start a ${noun} of the sandbox: ${fault}`));
        } else if (this.#crew.members.every((thread) => thread.ready)) resolve();
      };
    });
    this.#crew.fill();
    try {
      await withDeadline(ready, { ms: START_DEADLINE_MS, what: `the start of a ${noun}` });
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
    if (work.settleRefused()) return;
    const idle = this.#backlog.isEmpty ? this.#idleThread() : undefined;
    if (idle !== undefined) return this.#begin(idle, work);
    if (!this.#backlog.add(work)) {
      const cause = `${BACKLOG_LENGTH} others were waiting for a ${this.#options.noun}`;
      return abandon(work, { failure: 'overload', cause });
    }
    this.#startTicking();
    this.#dispatch();
  }

  /** Ends all threads. Work under way or waiting fails with kind `load`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#tick.clear();
    const busy = this.#crew.members.flatMap(({ work }) => work ?? []);
    const ended = this.#crew.end();
    for (const work of [...this.#backlog.clear(), ...busy]) {
      abandon(work, { failure: 'load', cause: CLOSED });
    }
    await ended;
  }

  /** A thread that may begin with anything; undefined if there is none, or `size` are busy. */
  #idleThread(): CrewMember | undefined {
    let busy = 0;
    let idle: CrewMember | undefined;
    for (const thread of this.#crew.members) {
      if (thread.work !== undefined) busy += 1;
      else idle = readierOf(idle, thread);
    }
    return busy < this.#options.size ? idle : undefined;
  }

  #begin(thread: CrewMember, work: Work): void {
    thread.work = work;
    thread.send(work.task());
    this.#watch(thread, work.atWork.deadlineMs);
  }

  /** Gives work to threads for as long as there are both. */
  #dispatch(): void {
    while (!this.#backlog.isEmpty) {
      const { size } = this.#options;
      let busy = 0;
      let slow = 0;
      let away = 0;
      let idle: CrewMember | undefined;
      for (const thread of this.#crew.members) {
        if (thread.work !== undefined) {
          busy += 1;
          if (thread.away) away += 1;
          else if (thread.slow) slow += 1;
        } else idle = readierOf(idle, thread);
      }
      const running = busy - Math.min(away, this.#options.waiting);
      const isBeyond = busy >= size;
      if (idle === undefined || running - Math.min(slow, size) >= size) return;
      const next = isBeyond ? this.#nextBeyond({ running, away }) : this.#backlog.next();
      if (next === undefined) return;
      if (next.settleRefused()) continue;
      this.#begin(idle, next);
      if (isBeyond) this.#crew.fill();
    }
  }

  /** What may have one more thread while `size` are busy: so many run, so many wait for capabilities. */
  #nextBeyond({ running, away }: { running: number; away: number }): Work | undefined {
    const { size, waiting } = this.#options;
    const held = { running: new Map<string, number>(), away: new Map<string, number>() };
    for (const thread of this.#crew.members) {
      if (thread.work === undefined) continue;
      const { service } = thread.work.atWork;
      const where = thread.away ? held.away : held.running;
      where.set(service, (where.get(service) ?? 0) + 1);
    }
    // Among the first `size` that run nobody needs to leave any.
    const free = running < size ? Infinity : 2 * size - running;
    const may = (work: Work): boolean =>
      work.remaining.every(
        (service) =>
          (held.running.get(service) ?? 0) < free &&
          (away === 0 || (held.away.get(service) ?? 0) < waiting - away),
      );
    return running < size ? this.#backlog.next(may) : this.#backlog.nextPressing(may);
  }

  #startTicking(): void {
    if (this.#ticks) return;
    this.#ticks = true;
    this.#tick.set(Math.min(SLOW_MS, this.#options.queueMs));
  }

  /** While anything waits, looks what has waited too long, and what it waits for. */
  #onTick(): void {
    this.#ticks = false;
    const { queueMs, noun } = this.#options;
    for (const work of this.#backlog.expire(queueMs)) {
      abandon(work, { failure: 'overload', cause: `no ${noun} was free within ${queueMs} ms` });
    }
    this.#backlog.settleRefused();
    for (const thread of this.#crew.members) {
      if (thread.work === undefined) continue;
      thread.slow = (thread.progress.current()?.elapsedMs ?? 0) >= SLOW_MS;
      thread.away = thread.outside.currentMs >= SLOW_MS;
    }
    this.#dispatch();
    if (this.#backlog.isPressing) this.#startTicking();
  }

  #onReport(thread: CrewMember, report: Report): void {
    if (report.kind === 'request') {
      void this.#answer(thread, report.request);
      return;
    }
    thread.slow = false;
    thread.away = false;
    thread.outside.reset();
    if (report.kind === 'outcome') thread.lacking = report.lacking;
    if (report.kind === 'ready') {
      thread.ready = true;
      this.#onReady?.();
    } else if (report.kind === 'prepared') {
      if (thread.preparing !== undefined) this.#ahead.take(thread, report);
    } else if (thread.work?.take(report) === true) {
      thread.work = undefined;
      thread.deadline.unset();
    } else {
      if (thread.work !== undefined) this.#watch(thread, thread.work.atWork.deadlineMs);
      return;
    }
    this.#dispatch();
    if (this.#backlog.isEmpty) this.#ahead.begin();
  }

  /** Has a guest's request answered. Never rejects. */
  async #answer(thread: CrewMember, { capability, octets }: HostRequest): Promise<void> {
    const subject = thread.work?.subject;
    if (thread.work === undefined || subject === undefined) return;
    const { service } = thread.work.atWork;
    const signal = thread.outside.begin();
    let answer: CapabilityAnswer;
    try {
      answer = await this.#options.capabilities.call({ ...subject, service, capability, octets, signal });
    } catch (thrown) {
      // A bug, since whatever a plugin asks has an answer.
      const cause = describeError(thrown);
      this.#options.log.error({ service, capability, cause }, 'a capability could not be asked');
      answer = { kind: 'refused', error: 'UNAVAILABLE', cause: 'it failed' };
    }
    if (!thread.outside.end(signal)) return;
    thread.away = false;
    thread.answer(answer);
  }

  /** Takes what a thread has said and the event loop has not delivered yet. */
  #hear(thread: CrewMember): void {
    for (let report = thread.nextReport(); report !== undefined; report = thread.nextReport()) {
      this.#onReport(thread, report);
    }
  }

  #watch(thread: CrewMember, ms: number): void {
    thread.deadline.set(Math.max(1, ms));
  }

  #onDeadline(thread: CrewMember): void {
    const { work, preparing } = thread;
    this.#hear(thread);
    if (preparing !== undefined && thread.preparing === preparing) return this.#ahead.late(thread);
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
      `service passed its deadline, its ${this.#options.noun} was ended`,
    );
    const late = `it took longer than ${deadlineMs} ms`;
    const waited = thread.outside.waitedMs > deadlineMs / 2;
    this.#crew.drop(thread, 0);
    this.#lose(work, {
      failure: waited ? 'capability' : 'deadline',
      cause: waited ? `${late}, most of that waiting for what it asked of a capability` : late,
      elapsedMs,
    });
  }

  #onCrash(thread: CrewMember, cause: string): void {
    this.#hear(thread);
    const { work, preparing, progress, ready } = thread;
    this.#onReady?.(cause);
    const { log, noun, crashDelayMs } = this.#options;
    log.error({ service: work?.atWork.service ?? preparing, cause }, `a ${noun} of the sandbox ended`);
    if (preparing !== undefined) this.#ahead.lost(thread, cause);
    this.#crew.drop(thread, ready ? crashDelayMs : RESTART_DELAY_MS);
    const elapsedMs = progress.current()?.elapsedMs ?? 0;
    if (work !== undefined) this.#lose(work, { failure: 'trap', cause, elapsedMs });
  }

  #lose(work: Work, lost: { failure: FailureKind; cause: string; elapsedMs: number }): void {
    const { failure, cause, elapsedMs } = lost;
    const isOver = work.lose({ failure, cause, micros: Math.round(elapsedMs * 1000) });
    if (!isOver && !work.settleRefused()) {
      this.#backlog.resume(work);
      this.#startTicking();
    }
    this.#dispatch();
  }
}

/** The better of the two to give work to, if the second can take any: one that lacks no instance answers sooner. */
function readierOf(first: CrewMember | undefined, second: CrewMember): CrewMember | undefined {
  if (!isFree(second)) return first;
  return first === undefined || first.lacking.length > second.lacking.length ? second : first;
}

const CLOSED = 'the sandbox was closed';

function abandon(work: Work, lost: { failure: OutcomeFailure; cause: string }): void {
  while (!work.lose({ ...lost, micros: 0 }));
}
