import type { FailureKind } from '../ocp/service.ts';
import type { Report, Task } from './wire.ts';

/** What the pool needs to know of a piece of work for a worker. The pool knows neither services nor decisions. */
export interface Work {
  /** What to send to a worker now: all that is still to be done. */
  task(): Task;
  /** What the worker is, or should be, busy with: the index counts from the first service of the last task. */
  readonly atWork: { readonly service: string; readonly index: number; readonly deadlineMs: number };
  /** Takes a worker's report; true if the work is over. */
  take(report: Report): boolean;
  /** The service at work has failed by its worker's end; true if the work is over, false if the rest can go on. */
  lose(lost: { failure: FailureKind; cause: string; micros: number }): boolean;
}
