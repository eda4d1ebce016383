import { strongest } from './combine.ts';
import { VERDICTS, type Decision } from './decision.ts';
import { Histogram } from './histogram.ts';
import {
  COUNTED_FAILURES,
  DISAGREEMENTS,
  type DisagreementExample,
  type MeterReading,
} from './meter-reading.ts';
import type { ServiceOutcome } from './service.ts';
import { STAGES, type Stage } from './stage.ts';

/**
 * Counts what one service does: calls and how long they take by stage, failures, decisions, memory, and in `monitor` what it would have
 * done. In fixed memory, some 25 KiB a service; nothing of a message is kept, and of a session only ids.
 */
export class Meter {
  /** What is counted: the digest of the service's plugin, or where it would be. */
  readonly plugin: string;
  readonly #since = Date.now();
  readonly #stages = new Map<Stage, Histogram>();
  readonly #failures = zeros(COUNTED_FAILURES);
  readonly #decisions = zeros(VERDICTS);
  readonly #tags = new Map<string, number>();
  #modified = 0;
  #memoryPeak = 0;
  #disagreements = 0;
  readonly #kinds = zeros(DISAGREEMENTS);
  readonly #examples: DisagreementExample[] = [];

  constructor(plugin: string) {
    this.plugin = plugin;
  }

  record(stage: Stage, outcome: ServiceOutcome): void {
    const { result, micros, modified, memoryBytes } = outcome;
    if (result.kind === 'notAsked') return;
    if (result.kind === 'failure') {
      const { failure, unasked } = result;
      this.#failures[unasked === true && failure !== 'overload' ? 'unasked' : failure] += 1;
      if (unasked === true || failure === 'load' || failure === 'overload') return;
    } else {
      this.#learn(result.decision);
    }
    if (modified) this.#modified += 1;
    this.#memoryPeak = Math.max(this.#memoryPeak, memoryBytes);
    const durations = this.#stages.get(stage) ?? new Histogram();
    this.#stages.set(stage, durations);
    durations.record(micros);
  }

  /** In `monitor`, it would have done something else than what was done. */
  disagree(example: DisagreementExample): void {
    this.#disagreements += 1;
    for (const kind of example.would) this.#kinds[kind] += 1;
    this.#examples.push(example);
    if (this.#examples.length > KEPT_EXAMPLES) this.#examples.shift();
  }

  read(): MeterReading {
    const stages = STAGES.flatMap((stage) => {
      const durations = this.#stages.get(stage);
      return durations === undefined ? [] : [{ stage, ...latencyOf(durations) }];
    });
    return {
      since: this.#since,
      ...latencyOf(Histogram.of(this.#stages.values())),
      stages,
      failures: { ...this.#failures },
      decisions: { ...this.#decisions },
      modified: this.#modified,
      tags: [...this.#tags].map(([tag, count]) => ({ tag, count })),
      memoryPeak: this.#memoryPeak,
      disagreements: {
        answers: this.#disagreements,
        kinds: { ...this.#kinds },
        examples: [...this.#examples],
      },
    };
  }

  #learn(decision: Decision): void {
    this.#decisions[strongestIn(decision)] += 1;
    for (const given of Object.keys(decision.tags ?? {})) {
      // A plugin may make up tags without end.
      const tag = this.#tags.has(given) || this.#tags.size < KEPT_TAGS ? given : OTHER_TAGS;
      this.#tags.set(tag, (this.#tags.get(tag) ?? 0) + 1);
    }
  }
}

const KEPT_EXAMPLES = 5;
const KEPT_TAGS = 30;
const OTHER_TAGS = '…';

/**
 * A meter for each service: the one that it had, as long as its plugin is the same, else a new one. A service without a plugin is
 * disabled, and keeps what it had.
 */
export function metersFor(
  services: Iterable<{ readonly name: string; readonly plugin: string | undefined }>,
  before: ReadonlyMap<string, Meter> = new Map(),
): Map<string, Meter> {
  const meters = new Map<string, Meter>();
  for (const { name, plugin } of services) {
    const had = before.get(name);
    const meter = plugin === undefined || had?.plugin === plugin ? had : new Meter(plugin);
    if (meter !== undefined) meters.set(name, meter);
  }
  return meters;
}

const strongestIn = ({ verdict = 'accept', recipients = [] }: Decision) =>
  strongest([verdict, ...recipients.map((single) => single.verdict ?? verdict)]);

const latencyOf = (durations: Histogram) => ({
  calls: durations.count,
  p50: durations.quantile(0.5),
  p99: durations.quantile(0.99),
  max: durations.max,
});

function zeros<K extends string>(keys: readonly K[]): Record<K, number> {
  // oxlint-disable-next-line no-unsafe-type-assertion -- each of the keys is there
  return Object.fromEntries(keys.map((key) => [key, 0])) as Record<K, number>;
}
