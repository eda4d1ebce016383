import { inspect } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import fc from 'fast-check';
import { collector } from '../../src/base/collector.ts';
import { inputsOf } from './files.ts';
import type { Failure, Report, WorkerData } from './messages.ts';
import { mutated } from './octets.ts';
import { Progress } from './progress.ts';
import { targetNamed } from './targets.ts';

/** One target in a thread of its own: kept inputs first, then new ones until the time is over. `run.ts` watches it. */
const { target: name, seed, seconds, shared } = workerData as WorkerData;
const target = targetNamed(name);
const progress = new Progress(shared);

/** Inputs that one seed of fast-check makes. Small, since whoever gives the seed of a failure runs all that came before it. */
const ROUND = 500;
/** Octets by which collected memory may grow: compiled code and the caches of the runtime. */
const GROWTH_LIMIT = 32 * 1024 * 1024;

const collect = collector();
let slowest = 0;
let runs = 0;
let broken: Pick<Failure, 'property' | 'message'> | undefined;

async function run(octets: Uint8Array): Promise<void> {
  progress.begin(octets);
  const began = performance.now();
  for (const [property, check] of Object.entries(target.properties)) {
    try {
      // A copy, and it alone in its memory: who writes into it, or reads past it, must not go unseen.
      await check(Buffer.from(Uint8Array.from(octets).buffer));
    } catch (thrown) {
      broken = {
        property,
        message: thrown instanceof Error ? (thrown.stack ?? thrown.message) : inspect(thrown),
      };
      throw thrown;
    }
  }
  slowest = Math.max(slowest, performance.now() - began);
}

async function runKept(): Promise<Failure | number> {
  const inputs = inputsOf(name);
  for (const { file, octets } of inputs) {
    try {
      await run(octets);
    } catch {
      return { ...broken!, octets, file };
    }
  }
  return inputs.length;
}

async function runNew(): Promise<Failure | undefined> {
  const seeds = inputsOf(name).map(({ octets }) => octets);
  const fromSeeds = mutated(seeds, target.words);
  const inputs = target.made === undefined ? fromSeeds : fc.oneof(fromSeeds, target.made);
  const deadline = Date.now() + seconds * 1000;
  let isBroken = false;
  const property = fc.asyncProperty(inputs, async (octets) => {
    if (!isBroken && Date.now() >= deadline) return;
    if (!isBroken) runs += 1;
    try {
      await run(octets);
    } catch (error) {
      isBroken = true; // from here on it shrinks, for which there is time
      throw error;
    }
  });
  for (let round = seed; Date.now() < deadline; round = (round + 1) | 0) {
    const { counterexample } = await fc.check(property, { seed: round, numRuns: ROUND });
    if (counterexample === null) {
      baseline ??= await memory();
      continue;
    }
    const [octets] = counterexample;
    // What is told is of the shrunk input.
    await run(octets).catch(() => {});
    return { ...broken!, octets, seed: round };
  }
  return undefined;
}

let baseline: number | undefined;

async function memory(): Promise<number> {
  // Twice: what was just freed may free more.
  for (let i = 0; i < 2; i++) {
    await new Promise(setImmediate);
    collect();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function all(): Promise<Report> {
  const kept = await runKept();
  if (typeof kept !== 'number') return { failure: kept };
  const failure = seconds > 0 ? await runNew() : undefined;
  if (failure !== undefined) return { failure };
  const growth = baseline === undefined ? 0 : (await memory()) - baseline;
  if (growth <= GROWTH_LIMIT) return { held: { runs, kept, growth, slowest } };
  const message = `${growth} octets are left after ${runs} runs, at most ${GROWTH_LIMIT} may be`;
  return { failure: { property: 'no memory growth', message, octets: progress.octets, seed } };
}

const report = await all();
await target.end?.();
parentPort!.postMessage(report, []); // without a list the linter takes it for a window's
