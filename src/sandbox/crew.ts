import { Alarm } from '../base/alarm.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { CrewMember, MemberHandlers } from './crew-member.ts';
import type { Report } from './wire.ts';

export interface CrewOptions {
  /** Starts one more. */
  readonly start: (handlers: MemberHandlers) => CrewMember;
  /** What each is, for people. */
  readonly noun: 'worker thread' | 'confined process';
  /** How many are busy in normal times. */
  readonly size: number;
  readonly log: Log;
}

/** How long one that is not needed any more is kept. */
const REST_MS = 5000;

/** The members of a pool, threads or processes: as many as are busy, at least `size`, and one to spare. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #handlers: CrewHandlers;
  /** A list, since it is gone through for each piece of work. */
  #members: readonly CrewMember[] = [];
  readonly #restarts = new Set<NodeJS.Timeout>();
  readonly #rest = new Alarm(() => this.#endSurplus());

  constructor(options: CrewOptions, handlers: CrewHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  get members(): readonly CrewMember[] {
    return this.#members;
  }

  /** Starts more until there is one to spare. */
  fill(): void {
    for (let surplus = this.#surplus(); surplus < 0; surplus++) this.#spawn();
    if (this.#members.length > this.#options.size + 1) this.#rest.set(REST_MS);
  }

  /** Ends one, whatever it is doing, and replaces it if it is needed. */
  drop(member: CrewMember, restartMs: number): void {
    this.#end(member);
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
    const endings = this.#members.map((member) => member.end());
    this.#members = [];
    await Promise.all(endings);
  }

  #spawn(): void {
    const member: CrewMember = this.#options.start({
      report: (report) => {
        if (!member.gone) this.#handlers.report(member, report);
      },
      exit: (cause) => {
        if (!member.gone) this.#handlers.crash(member, cause);
      },
      late: () => {
        if (!member.gone) this.#handlers.late(member);
      },
    });
    this.#members = [...this.#members, member];
  }

  /** How many there are, or will be, over those that are needed. */
  #surplus(): number {
    const busy = this.#members.filter(({ work }) => work !== undefined).length;
    const away = this.#members.filter(({ preparing, slow }) => preparing !== undefined && slow).length;
    return this.#members.length + this.#restarts.size - Math.max(busy, this.#options.size) - away - 1;
  }

  #endSurplus(): void {
    const resting = this.#members.filter(isFree);
    for (const member of resting.slice(0, Math.max(0, this.#surplus()))) this.#end(member);
    if (this.#members.length > this.#options.size + 1) this.#rest.set(REST_MS);
  }

  #end(member: CrewMember): void {
    this.#members = this.#members.filter((other) => other !== member);
    member.end().catch((thrown: unknown) => {
      this.#options.log.error(
        { cause: describeError(thrown) },
        `a ${this.#options.noun} of the sandbox could not be ended`,
      );
    });
  }
}

/** It can take work now. */
export function isFree({ ready, work, preparing }: CrewMember): boolean {
  return ready && work === undefined && preparing === undefined;
}

interface CrewHandlers {
  report(member: CrewMember, report: Report): void;
  /** It has ended by itself. */
  crash(member: CrewMember, cause: string): void;
  /** Its alarm has rung. */
  late(member: CrewMember): void;
}
