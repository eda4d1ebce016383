import { Circuit, type CircuitSettings } from './circuit.ts';
import { FinalGate } from './final-gate.ts';
import type { Job } from './job.ts';
import type { DeliveryPolicy } from './policy.ts';

/** Read anew each time, since a reload changes it. */
export interface LaneSettings extends CircuitSettings {
  readonly policy: DeliveryPolicy;
}

/**
 * The way to one downstream: the jobs that wait for it, how many are under way, and whether it is worth trying.
 * Two lines, hot (just committed) and cold (claimed from the store), are served in turn, so that neither
 * new mail nor a backlog starves the other.
 */
export class Lane {
  readonly name: string;
  readonly circuit: Circuit;
  /** Before the end of each message. */
  readonly gate: FinalGate;
  /** Deliveries under way. */
  busy = 0;
  /** Hot places given out: reserved, waiting or under way. */
  hotPlaces = 0;
  /** The store may hold due entries that were not claimed yet. */
  backlog = true;
  readonly #settings: LaneSettings;
  #hot: Job[] = [];
  #cold: Job[] = [];
  #coldNext = false;

  constructor(name: string, settings: LaneSettings) {
    this.name = name;
    this.circuit = new Circuit(settings);
    this.gate = new FinalGate(settings.policy.patience);
    this.#settings = settings;
  }

  addHot(job: Job): void {
    this.#hot.push(job);
  }

  addCold(job: Job): void {
    this.#cold.push(job);
  }

  /** The next job, if one more may be under way at `now`. */
  take(now: number): Job | undefined {
    const state = this.circuit.state(now);
    if (state === 'resting' || this.busy >= (state === 'probing' ? 1 : this.#settings.policy.concurrency))
      return undefined;
    const cold = this.#hot.length === 0 || (this.#coldNext && this.#cold.length > 0);
    this.#coldNext = !cold;
    return cold ? this.#cold.shift() : this.#hot.shift();
  }

  /** Takes out all that wait. */
  drain(): Job[] {
    const waiting = [...this.#hot, ...this.#cold];
    this.#hot = [];
    this.#cold = [];
    return waiting;
  }

  /** Nothing waits and nothing is under way. */
  get idle(): boolean {
    return this.busy === 0 && this.#hot.length === 0 && this.#cold.length === 0;
  }

  /** Whether more entries should be claimed for it: a cold line as long as the slots keeps them all busy. */
  wantsMore(now: number): boolean {
    return this.circuit.state(now) === 'closed' && this.#cold.length < this.#settings.policy.concurrency;
  }

  /** Whether a single entry should be claimed to try it with. */
  wantsProbe(now: number): boolean {
    return this.circuit.state(now) === 'probing' && this.idle && this.hotPlaces === 0;
  }

  /** Whether a message just committed may come at once. */
  wantsHot(now: number): boolean {
    if (this.circuit.state(now) === 'closed') return this.hotPlaces < this.#settings.policy.hotMessages;
    return this.wantsProbe(now);
  }
}
