import type { OutcomeFailure, Service } from '../ocp/service.ts';
import type { ConfigureTask, Report } from './wire.ts';
import type { Work } from './work.ts';

/** Lets the plugin of one service check its settings, at load. Settles with its complaint, '' if it has none. */
export class ConfigureRun implements Work {
  readonly remaining: readonly string[];
  readonly isBackground = false;
  readonly subject = undefined;
  readonly #service: Service;
  readonly #settle: (complaint: string) => void;

  constructor(service: Service, settle: (complaint: string) => void) {
    this.remaining = [service.name];
    this.#service = service;
    this.#settle = settle;
  }

  settleRefused(): boolean {
    return false;
  }

  task(): ConfigureTask {
    return { kind: 'configure', service: this.#service.name };
  }

  get atWork(): { service: string; index: number; deadlineMs: number } {
    return { service: this.#service.name, index: 0, deadlineMs: this.#service.limits.deadlineMs };
  }

  take(report: Report): boolean {
    if (report.kind !== 'configured') return false;
    this.#settle(report.complaint);
    return true;
  }

  lose(lost: { failure: OutcomeFailure; cause: string }): boolean {
    this.#settle(`its check of the settings failed: ${lost.cause}`);
    return true;
  }
}
