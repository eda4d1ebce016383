import { describeError } from '../base/errors.ts';
import type { PluginProblem, SourcedService } from './load-services.ts';
import type { Pools } from './group-run.ts';
import { Pool, type PoolOptions } from './pool.ts';
import { Process, type ConfinedService } from './process.ts';
import { Thread } from './thread.ts';
import type { LoadedService } from './wire.ts';

/** Confined processes of one service that may be busy at a time: its pool keeps one more, each with about 15 MB of its own. */
const PROCESSES = 2;
/** Threads beside those that are busy which may wait for capabilities, for each that may be busy: each has some 10 MB of its own. */
const WAITING_THREADS = 8;
const MOST_WAITING_THREADS = 64;
/** The same of the processes of one service. */
const WAITING_PROCESSES = 4;
/** A process that a plugin can end would be started again and again. */
const CRASH_DELAY_MS = 1000;

/** The pools of a sandbox: one of worker threads, and one of confined processes for each service that is to run in such. */
export class SandboxPools implements Pools {
  readonly #threads: Pool;
  readonly #processes: ReadonlyMap<string, Pool>;

  constructor(threads: Pool, processes: ReadonlyMap<string, Pool>) {
    this.#threads = threads;
    this.#processes = processes;
  }

  get areOne(): boolean {
    return this.#processes.size === 0;
  }

  of(service: string): Pool {
    return this.#processes.get(service) ?? this.#threads;
  }

  async close(): Promise<void> {
    await Promise.all([this.#threads, ...this.#processes.values()].map((pool) => pool.close()));
  }
}

/**
 * Starts all pools. A service whose processes can't be started or confined is a problem, and fails with kind `load` when it is asked:
 * it never runs in a thread instead. Throws an OperationalError if the threads can't be started.
 */
export async function startPools(
  services: readonly SourcedService[],
  options: Omit<PoolOptions, 'start' | 'noun' | 'waiting' | 'crashDelayMs'> & {
    readonly problems: PluginProblem[];
  },
): Promise<SandboxPools> {
  const { problems, ...common } = options;
  const processes = new Map<string, Pool>();
  const starting = services.map(async ({ service, where, plugin }): Promise<LoadedService[]> => {
    if (!('binary' in plugin)) return [{ service, plugin }];
    try {
      processes.set(service.name, await startProcesses({ service, ...plugin }, common));
      return [];
    } catch (thrown) {
      const reason = describeError(thrown);
      problems.push({ service: service.name, where, reason });
      return [{ service, plugin: { reason } }];
    }
  });
  const inThreads = (await Promise.all(starting)).flat();
  const threads = new Pool({
    ...common,
    start: (handlers) => new Thread(inThreads, handlers),
    noun: 'worker thread',
    waiting: Math.min(WAITING_THREADS * common.size, MOST_WAITING_THREADS),
    crashDelayMs: 0,
  });
  const pools = new SandboxPools(threads, processes);
  try {
    await threads.start();
  } catch (thrown) {
    await pools.close();
    throw thrown;
  }
  return pools;
}

async function startProcesses(
  loaded: ConfinedService,
  common: Omit<PoolOptions, 'start' | 'noun' | 'waiting' | 'crashDelayMs'>,
): Promise<Pool> {
  const pool = new Pool({
    ...common,
    start: (handlers) => new Process(loaded, handlers),
    noun: 'confined process',
    size: Math.min(PROCESSES, common.size),
    waiting: WAITING_PROCESSES,
    crashDelayMs: CRASH_DELAY_MS,
  });
  await pool.start();
  return pool;
}
