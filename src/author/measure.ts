import type { Question, Trial } from './trial.ts';

/** What calls took, in microseconds, instance included, as the sandbox measures it; and the most memory that one had. */
export interface Measured {
  readonly calls: number;
  readonly p50: number;
  readonly p99: number;
  readonly memoryBytes: number;
  /** Why one of them failed: then nothing after it was measured. */
  readonly failure?: string;
}

const WARM_UP_CALLS = 50;
const CALLS = 1000;
/** Measuring one row ends after this long, however few the calls. */
const MEASURE_MS = 5000;

/** Asks the same question again and again, one call at a time. */
export async function measure(
  trial: Trial,
  { service, question }: { service: string; question: Question },
): Promise<Measured> {
  const micros: number[] = [];
  let memoryBytes = 0;
  const started = performance.now();
  for (let call = 0; call < WARM_UP_CALLS + CALLS; call++) {
    const { outcome } = await trial.ask(service, question);
    memoryBytes = Math.max(memoryBytes, outcome.memoryBytes);
    if (outcome.result.kind === 'failure') {
      return { ...summary(micros), memoryBytes, failure: outcome.result.cause };
    }
    if (call >= WARM_UP_CALLS || performance.now() - started > MEASURE_MS / 2) micros.push(outcome.micros);
    if (performance.now() - started > MEASURE_MS) break;
  }
  return { ...summary(micros), memoryBytes };
}

/**
 * How much the machine itself varies: the same computation of some 100 µs, timed again and again. Where its p99 is far above its p50,
 * so may be that of a plugin, for no fault of its own.
 */
export function measureNoise(): { readonly p50: number; readonly p99: number } {
  const micros: number[] = [];
  let sum = 0;
  for (let round = 0; round < 3000; round++) {
    const started = performance.now();
    for (let at = 0; at < 50_000; at++) sum = (sum * 31 + at) | 0;
    // The first half lets the compiler finish.
    if (round >= 1000) micros.push((performance.now() - started) * 1000);
  }
  const { p50, p99 } = summary(sum === 0.5 ? [] : micros);
  return { p50, p99 };
}

function summary(micros: readonly number[]): { calls: number; p50: number; p99: number } {
  const sorted = micros.toSorted((first, second) => first - second);
  const at = (share: number): number => Math.round(sorted[Math.floor(sorted.length * share)] ?? 0);
  return { calls: sorted.length, p50: at(0.5), p99: at(0.99) };
}
