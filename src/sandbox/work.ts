import type { CallSubject, CapabilityRequest } from '../ocp/capability.ts';
import type { OutcomeFailure } from '../ocp/service.ts';
import type { Report, Task } from './wire.ts';

/** What the pool needs to know of a piece of work for a worker. The pool knows neither services nor decisions. */
export interface Work {
  /** The services that are still to be asked, in order. */
  readonly remaining: readonly string[];
  /** Nobody waits for its end, so it goes after all else, and waits for as long as it takes. */
  readonly isBackground: boolean;
  /** Answers at once for services that are not to be asked, and come next; true if the work is over with that. */
  settleRefused(): boolean;
  /** What to send to a worker now: all that is still to be done. */
  task(): Task;
  /** What the worker is, or should be, busy with: the index counts from the first service of the last task. */
  readonly atWork: { readonly service: string; readonly index: number; readonly deadlineMs: number };
  /** What the service at work is asked about, and in which call; undefined for work that can ask for nothing outside. */
  readonly subject: Pick<CapabilityRequest, keyof CallSubject | 'call'> | undefined;
  /** Takes a worker's report; true if the work is over. */
  take(report: Report): boolean;
  /** The service at work has failed by its worker's end; true if the work is over, false if the rest can go on. */
  lose(lost: { failure: OutcomeFailure; cause: string; micros: number }): boolean;
}
