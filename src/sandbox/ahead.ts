import type { Log } from '../base/log.ts';
import { isFree, type Crew } from './crew.ts';
import type { CrewMember } from './crew-member.ts';
import type { Report } from './wire.ts';

/**
 * Has the members of a pool make instances ahead of need while they have nothing to do, of services that are slow to start; which,
 * each member says itself (`stock.ts`). Nobody waits for it, so it must cost nobody anything: one member at a time is at it, and from
 * SLOW_MS on another stands in for it; past the service's deadline it is ended. After a failure that service is left alone for a while,
 * each time twice as long: its calls make their instances themselves, and fail themselves.
 */
const SLOW_MS = 50;
const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 60_000;

export class Ahead {
  readonly #options: AheadOptions;
  /** Of services whose last attempt failed. */
  readonly #troubles = new Map<string, { backoffMs: number; untilMs: number }>();

  constructor(options: AheadOptions) {
    this.#options = options;
  }

  /** Lets one that has nothing to do make what it lacks. */
  begin(): void {
    const { members } = this.#options.crew;
    if (members.some(({ preparing }) => preparing !== undefined)) return;
    for (const member of members) {
      if (!isFree(member)) continue;
      const service = member.lacking.find((name) => this.#mayMake(name));
      if (service === undefined) continue;
      member.preparing = service;
      member.send({ kind: 'prepare', service });
      member.deadline.set(Math.min(SLOW_MS, this.#deadlineOf(service)));
      return;
    }
  }

  /** A member has said what came of it. */
  take(member: CrewMember, { fault, lacking }: Report & { kind: 'prepared' }): void {
    const service = member.preparing!;
    member.preparing = undefined;
    member.lacking = lacking;
    member.deadline.unset();
    if (fault === undefined) this.#troubles.delete(service);
    else this.#fail(service, fault);
  }

  /** The alarm of a member that is at it has rung. */
  late(member: CrewMember): void {
    const { crew } = this.#options;
    const service = member.preparing!;
    const deadlineMs = this.#deadlineOf(service);
    if (!member.slow && deadlineMs > SLOW_MS) {
      member.slow = true;
      member.deadline.set(deadlineMs - SLOW_MS);
      crew.fill();
      return;
    }
    this.#fail(service, `it took longer than ${deadlineMs} ms`);
    crew.drop(member, 0);
  }

  /** A member has ended while it was at it. */
  lost(member: CrewMember, cause: string): void {
    this.#fail(member.preparing!, cause);
  }

  #mayMake(service: string): boolean {
    const trouble = this.#troubles.get(service);
    return trouble === undefined || performance.now() >= trouble.untilMs;
  }

  #fail(service: string, cause: string): void {
    const before = this.#troubles.get(service)?.backoffMs;
    const backoffMs = before === undefined ? FIRST_BACKOFF_MS : Math.min(before * 2, LONGEST_BACKOFF_MS);
    this.#troubles.set(service, { backoffMs, untilMs: performance.now() + backoffMs });
    this.#options.log.warn(
      { service, cause, retryMs: backoffMs },
      'an instance of a service could not be made ahead of need',
    );
  }

  #deadlineOf(service: string): number {
    return this.#options.deadlines.get(service) ?? SLOW_MS;
  }
}

interface AheadOptions {
  readonly crew: Pick<Crew, 'members' | 'fill' | 'drop'>;
  /** Service → milliseconds. */
  readonly deadlines: ReadonlyMap<string, number>;
  readonly log: Log;
}
