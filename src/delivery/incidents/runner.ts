import { describeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { pause } from '../../base/pause.ts';
import { withTimeLimit } from '../../base/time-limit.ts';
import type { IncidentReport } from '../../ocp/incident.ts';
import type { IncidentLog, StoredIncident } from '../../store/store.ts';
import { backOffMs } from '../retry.ts';
import type { IncidentSink } from './sink.ts';

/**
 * Gives the incidents that the store keeps to each sink, and forgets them when all have taken them. Sinks don't wait for each other, and
 * nothing waits for a sink: one that is down is tried again, at most a minute apart, and what the store can't keep for it meanwhile
 * is counted in the log.
 */
const BACK_OFF = { firstMs: 1000, maxMs: 60_000 };
/** One delivery. */
const DELIVER_MS = 30_000;

export class IncidentRunner {
  readonly #store: IncidentLog;
  readonly #log: Log;
  #running: Running[] = [];
  #hasSinks = false;
  /** One change of the sinks after another. */
  #changing: Promise<void> = Promise.resolve();

  constructor({ store, log }: { store: IncidentLog; log: Log }) {
    this.#store = store;
    this.#log = log;
  }

  /** From now on incidents are for these. What those of the same name have not taken goes to the new ones. */
  setSinks(sinks: readonly IncidentSink[]): Promise<void> {
    this.#hasSinks = sinks.length > 0;
    const change = this.#changing.then(async () => {
      await this.#end();
      await this.#store.setSinks(sinks.map(({ name }) => name));
      this.#running = sinks.map((sink) => this.#start(sink));
    });
    this.#changing = change.catch(() => {});
    return change;
  }

  /** Whether there is any for which incidents are to be stored. */
  get hasSinks(): boolean {
    return this.#hasSinks;
  }

  /** There are new ones. */
  wake(): void {
    for (const { wake } of this.#running) wake();
  }

  async stop(): Promise<void> {
    await this.#changing;
    await this.#end();
  }

  async #end(): Promise<void> {
    const ending = this.#running;
    this.#running = [];
    for (const { stopping } of ending) stopping.abort();
    await Promise.all(ending.map(({ ended }) => ended));
  }

  #start(sink: IncidentSink): Running {
    const stopping = new AbortController();
    const bell = new Bell();
    const ended = this.#serve(sink, { bell, signal: stopping.signal });
    stopping.signal.addEventListener('abort', () => bell.ring());
    return { stopping, ended, wake: () => bell.ring() };
  }

  async #serve(sink: IncidentSink, { bell, signal }: { bell: Bell; signal: AbortSignal }): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      bell.quiet();
      try {
        const { dropped, incidents } = await this.#store.pending({ sink: sink.name, limit: sink.batch });
        if (incidents.length === 0) {
          await bell.rung;
          continue;
        }
        await withTimeLimit({ ms: DELIVER_MS, signal }, (limit) =>
          sink.deliver(incidents.map(reportOf), limit),
        );
        await this.#store.taken({ sink: sink.name, number: incidents.at(-1)!.number });
        if (dropped > 0) this.#log.error({ sink: sink.name, dropped }, 'incidents were dropped');
        if (failures > 0) this.#log.info({ sink: sink.name, failures }, 'a sink takes incidents again');
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        failures += 1;
        const retryInMs = Math.round(backOffMs(failures, { ...BACK_OFF, random: Math.random }));
        const cause = describeError(error);
        this.#log.warn({ sink: sink.name, failures, retryInMs, cause }, 'a sink does not take incidents');
        await pause(retryInMs, signal);
      }
    }
  }
}

interface Running {
  readonly stopping: AbortController;
  readonly ended: Promise<void>;
  readonly wake: () => void;
}

function reportOf({ report }: StoredIncident): IncidentReport {
  const parsed: IncidentReport = JSON.parse(report);
  return parsed;
}

/** Remembers that it rang until it is quieted, so that nothing is missed between looking and waiting. */
class Bell {
  #ring: () => void = () => {};
  rung: Promise<void> = Promise.resolve();

  quiet(): void {
    this.rung = new Promise((resolve) => {
      this.#ring = resolve;
    });
  }

  ring(): void {
    this.#ring();
  }
}
