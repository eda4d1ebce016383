import type { MessageImage } from '../mail/image.ts';
import type { Facts } from '../ocp/facts.ts';
import { factsAfter, goesOn } from '../ocp/group-rule.ts';
import {
  DEFAULT_LIMITS,
  type CalloutJob,
  type CalloutResult,
  type CalloutState,
  type OutcomeFailure,
  type Service,
  type ServiceOutcome,
} from '../ocp/service.ts';
import { refused, type Breakers, type Place, type Refusal } from './breakers.ts';
import type { AskTask, Report } from './wire.ts';
import type { Work } from './work.ts';

/**
 * One callout job on the main thread: what has been answered so far, so that after the loss of a worker the rest can be asked
 * in another one, with the message, the state and the facts as the services before left them. It goes by the breakers, and
 * tells them what came of each call.
 *
 * A service in a confined process has a pool of its own. So a job goes from pool to pool, in each as far as the services next to each
 * other share it; to a pool it looks as if that stretch were all.
 */
export class GroupRun implements Work {
  readonly #job: CalloutJob;
  readonly #services: ReadonlyMap<string, Service>;
  readonly #breakers: Breakers;
  readonly #pools: Pools;
  readonly #bodyWithheld: ReadonlySet<string>;
  readonly #settle: (result: CalloutResult) => void;
  readonly #outcomes: ServiceOutcome[] = [];
  /** Stands for the call of the service at work. */
  #call = {};
  #facts: Facts;
  #image: MessageImage | undefined;
  #state: Record<string, CalloutState[string]>;
  #taskStart = 0;
  /** The index of the first service that is asked in another pool. */
  #end: number;
  #refusals: AskTask['refusals'];
  /** Those that the last task asks as a probe, and that have not answered. */
  #probed: Place[] = [];

  constructor(
    job: CalloutJob,
    options: {
      services: ReadonlyMap<string, Service>;
      breakers: Breakers;
      pools: Pools;
      /** Whose manifest does not say that it reads the body. */
      bodyWithheld: ReadonlySet<string>;
      settle: (result: CalloutResult) => void;
    },
  ) {
    this.#job = job;
    this.#services = options.services;
    this.#breakers = options.breakers;
    this.#pools = options.pools;
    this.#bodyWithheld = options.bodyWithheld;
    this.#settle = options.settle;
    this.#facts = job.facts;
    this.#image = job.image;
    this.#state = { ...job.state };
    this.#end = stretchEnd(job.services, { from: 0, pools: this.#pools });
  }

  /** Begins with the first service. There must be one. */
  begin(): void {
    this.#pools.of(this.#job.services[0]!).submit(this);
  }

  get remaining(): readonly string[] {
    return this.#job.services.slice(this.#outcomes.length, this.#end);
  }

  get isBackground(): boolean {
    return this.#job.stage === 'report';
  }

  settleRefused(): boolean {
    while (this.#breakers.anyOpen) {
      const service = this.#job.services[this.#outcomes.length]!;
      const refusal = this.#breakers.refusal({ service, stage: this.#job.stage });
      if (refusal === undefined) return false;
      if (this.#record(lostTo(service, { result: refused(refusal), micros: 0 }))) return true;
    }
    return false;
  }

  task(): AskTask {
    this.#taskStart = this.#outcomes.length;
    const services = this.remaining;
    this.#refusals = this.#breakers.anyOpen ? this.#beginEach(services) : undefined;
    const kept = services.filter((name) => this.#state[name] !== undefined);
    return {
      kind: 'ask',
      stage: this.#job.stage,
      services,
      refusals: this.#refusals,
      facts: this.#facts,
      image: this.#image,
      state: Object.fromEntries(kept.map((name) => [name, this.#state[name]!])),
    };
  }

  get atWork(): { service: string; index: number; deadlineMs: number } {
    const service = this.#job.services[this.#outcomes.length]!;
    const deadlineMs = (this.#services.get(service)?.limits ?? DEFAULT_LIMITS).deadlineMs;
    return { service, index: this.#outcomes.length - this.#taskStart, deadlineMs };
  }

  get subject(): NonNullable<Work['subject']> {
    const isBodyWithheld = this.#bodyWithheld.has(this.#job.services[this.#outcomes.length]!);
    return {
      call: this.#call,
      facts: this.#facts,
      ...(this.#image && { image: this.#image }),
      ...(isBodyWithheld && { isBodyWithheld }),
    };
  }

  take(report: Report): boolean {
    if (report.kind !== 'outcome') return false;
    const { image, state } = report;
    const wasAsked = this.#refusals?.[this.#outcomes.length - this.#taskStart] === undefined;
    const outcome = wasAsked ? this.#counted(report.outcome) : report.outcome;
    if (image !== undefined) this.#image = image;
    if (state !== undefined) this.#state[outcome.service] = state;
    return this.#record(outcome);
  }

  lose({ micros, ...lost }: { failure: OutcomeFailure; cause: string; micros: number }): boolean {
    const unasked = lost.failure === 'overload' && { unasked: true as const };
    const result = { kind: 'failure' as const, ...lost, ...unasked };
    const outcome = this.#counted(lostTo(this.atWork.service, { result, micros }));
    // The rest of them was not asked.
    this.#releaseProbes();
    return this.#record(outcome);
  }

  /** All of these are about to be asked; those that are not to be. */
  #beginEach(services: readonly string[]): (Refusal | undefined)[] {
    return services.map((service) => {
      const place = { service, stage: this.#job.stage };
      const refusal = this.#breakers.refusal(place);
      if (refusal === undefined && this.#breakers.begin(place)) this.#probed.push(place);
      return refusal;
    });
  }

  /** Tells the breakers of the outcome, and the outcome whether it is that of a probe. */
  #counted(outcome: ServiceOutcome): ServiceOutcome {
    const { service, result } = outcome;
    this.#breakers.record({ service, stage: this.#job.stage }, result);
    if (this.#probed[0]?.service !== service) return outcome;
    const probed = this.#probed.shift()!;
    this.#breakers.release(probed);
    return result.kind === 'failure' ? { ...outcome, result: { ...result, probe: true } } : outcome;
  }

  #releaseProbes(): void {
    for (const place of this.#probed) this.#breakers.release(place);
    this.#probed = [];
  }

  #record(outcome: ServiceOutcome): boolean {
    this.#outcomes.push(outcome);
    this.#call = {};
    const service = this.#services.get(outcome.service);
    const over =
      this.#outcomes.length === this.#job.services.length ||
      service === undefined ||
      !goesOn(this.#job.stage, { service, outcome });
    if (over) {
      this.#releaseProbes();
      const image = this.#image;
      this.#settle({ outcomes: this.#outcomes, ...(image !== undefined && { image }), state: this.#state });
      return true;
    }
    this.#facts = factsAfter(this.#facts, { service, outcome });
    if (this.#outcomes.length < this.#end) return false;
    this.#moveOn();
    return true;
  }

  #moveOn(): void {
    const from = this.#outcomes.length;
    this.#releaseProbes();
    this.#end = stretchEnd(this.#job.services, { from, pools: this.#pools });
    const pool = this.#pools.of(this.#job.services[from]!);
    // The pool that it leaves may be going through all that waits there.
    queueMicrotask(() => pool.submit(this));
  }
}

/** Which pool asks a service. */
export interface Pools {
  /** All services are asked in one. */
  readonly areOne: boolean;
  of(service: string): { submit(work: Work): void };
}

function stretchEnd(services: readonly string[], at: { from: number; pools: Pools }): number {
  const { from, pools } = at;
  if (pools.areOne) return services.length;
  const pool = pools.of(services[from]!);
  let end = from + 1;
  while (end < services.length && pools.of(services[end]!) === pool) end += 1;
  return end;
}

/** The outcome of a service that did not come to say anything itself. */
function lostTo(service: string, outcome: Pick<ServiceOutcome, 'micros' | 'result'>): ServiceOutcome {
  return { service, ...outcome, logs: [], modified: false, memoryBytes: 0 };
}
