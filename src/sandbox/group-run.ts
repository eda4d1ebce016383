import type { MessageImage } from '../mail/image.ts';
import type { Facts } from '../ocp/facts.ts';
import {
  DEFAULT_LIMITS,
  type CalloutJob,
  type CalloutResult,
  type CalloutState,
  type FailureKind,
  type Service,
  type ServiceOutcome,
} from '../ocp/service.ts';
import { factsAfter, goesOn } from './group-rule.ts';
import type { AskTask, Report } from './wire.ts';
import type { Work } from './work.ts';

/**
 * One callout job on the main thread: what has been answered so far, so that after the loss of a worker the rest can be asked
 * in another one, with the message, the state and the facts as the services before left them.
 */
export class GroupRun implements Work {
  readonly #job: CalloutJob;
  readonly #services: ReadonlyMap<string, Service>;
  readonly #settle: (result: CalloutResult) => void;
  readonly #outcomes: ServiceOutcome[] = [];
  #facts: Facts;
  #image: MessageImage | undefined;
  #state: Record<string, CalloutState[string]>;
  #taskStart = 0;

  constructor(
    job: CalloutJob,
    options: { services: ReadonlyMap<string, Service>; settle: (result: CalloutResult) => void },
  ) {
    this.#job = job;
    this.#services = options.services;
    this.#settle = options.settle;
    this.#facts = job.facts;
    this.#image = job.image;
    this.#state = { ...job.state };
  }

  task(): AskTask {
    this.#taskStart = this.#outcomes.length;
    const services = this.#job.services.slice(this.#taskStart);
    const kept = services.filter((name) => this.#state[name] !== undefined);
    return {
      kind: 'ask',
      stage: this.#job.stage,
      services,
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

  take(report: Report): boolean {
    if (report.kind !== 'outcome') return false;
    const { outcome, image, state } = report;
    if (image !== undefined) this.#image = image;
    if (state !== undefined) this.#state[outcome.service] = state;
    return this.#record(outcome);
  }

  lose(lost: { failure: FailureKind; cause: string; micros: number }): boolean {
    const { failure, cause, micros } = lost;
    const { service } = this.atWork;
    return this.#record({
      service,
      micros,
      result: { kind: 'failure', failure, cause },
      logs: [],
      modified: false,
    });
  }

  #record(outcome: ServiceOutcome): boolean {
    this.#outcomes.push(outcome);
    const service = this.#services.get(outcome.service);
    const over =
      this.#outcomes.length === this.#job.services.length ||
      service === undefined ||
      !goesOn(this.#job.stage, { service, outcome });
    if (over) {
      const image = this.#image;
      this.#settle({ outcomes: this.#outcomes, ...(image !== undefined && { image }), state: this.#state });
    } else {
      this.#facts = factsAfter(this.#facts, { service, outcome });
    }
    return over;
  }
}
