import { availableParallelism } from 'node:os';
import type { Log } from '../base/log.ts';
import type { MessageImage } from '../mail/image.ts';
import type { CapabilityHost } from '../ocp/capability.ts';
import type { PartTable } from '../ocp/part-table.ts';
import type { CalloutJob, CalloutResult, CalloutService, OpenBreaker, Service } from '../ocp/service.ts';
import { Breakers } from './breakers.ts';
import { LibraryThreads } from './capabilities/library-threads.ts';
import { ConfigureRun } from './configure-run.ts';
import { GroupRun } from './group-run.ts';
import { loadServices, type PluginProblem, type PluginSource, type SourcedService } from './load-services.ts';
import { startPools, type SandboxPools } from './pools.ts';

export type { PluginProblem, PluginSource } from './load-services.ts';

/**
 * The sandbox: the CalloutService that runs services as WebAssembly plugins (`sdk/ABI.md`).
 *
 * Each plugin file is checked and compiled once (once for each memory limit that its services have), and shared with all
 * worker threads (`pool.ts`). Each call of a service runs in an instance of its own there (`guest.ts`), inside its limits (`call.ts`,
 * `blocks.ts`, `caps.ts`); what it proposes counts only if the call succeeds (`judge.ts`). A callout job goes through its
 * services in one hop to a thread. If a thread has to be ended, the services that have answered keep their word, the one at work has
 * failed, and the rest goes on in another thread (`group-run.ts`).
 *
 * A service with `isolation: process` has confined processes of its own instead (`pools.ts`, `process.ts`, `confine.ts`); its plugin is
 * compiled there only, and what comes from there is not believed (`process-said.ts`).
 *
 * A service that is always late or always fails is not asked for a while (`breakers.ts`); and what waits for a thread waits in
 * turns, so that no service takes them all (`pool.ts`). A job that gets no thread in time fails with kind `overload`.
 *
 * Limits: memory at rest is threads × (JavaScript heap + at most 64 MiB of instances made ahead of need, `stock.ts`), and half of
 * `memoryMiB` for each service in each thread that lets an instance answer several calls; at work, at most one instance in each
 * thread, so threads × (`memoryMiB` + 8 MiB host memory + `addedBytes`), besides instances that wait for the garbage collector.
 */
export interface SandboxOptions {
  readonly services: readonly Service[];
  /** The octets of a plugin, by the name that a service gives it. Whoever hands them in has judged that they may run. */
  readonly readPlugin: (plugin: string) => Promise<PluginSource>;
  readonly log: Log;
  /** What answers the capability calls of the plugins. Without it all of them are out of order. */
  readonly capabilities?: CapabilityHost;
  /** Threads that may be busy at a time, twice as many if calls take long; one more is kept warm. Default: one a core, from 2 to 16. */
  readonly workers?: number;
  /** How long a job may wait for a thread before it fails with kind `overload`. Default 10 s. */
  readonly queueMs?: number;
}

const DEFAULT_QUEUE_MS = 10_000;
/** Taking the largest message apart takes a second. */
const PART_TABLE_MS = 10_000;

const NO_CAPABILITIES: CapabilityHost = {
  call: () => Promise.resolve({ kind: 'refused', error: 'UNAVAILABLE', cause: 'there is nothing to ask' }),
};

/**
 * Loads and configures all services. What is wrong with any is in `problems`, all of it, in their order. One whose plugin did
 * not load fails with kind `load` when it is asked. Throws an OperationalError if the worker threads can't be started.
 */
export async function createSandbox(
  options: SandboxOptions,
): Promise<{ sandbox: CalloutService; problems: readonly PluginProblem[] }> {
  const problems: PluginProblem[] = [];
  const { services: configured, readPlugin, log } = options;
  const services = await loadServices({ services: configured, readPlugin, problems });
  const pools = await startPools(services, {
    size: options.workers ?? Math.min(16, Math.max(2, availableParallelism())),
    queueMs: options.queueMs ?? DEFAULT_QUEUE_MS,
    deadlines: new Map(configured.map(({ name, limits }) => [name, limits.deadlineMs])),
    capabilities: options.capabilities ?? NO_CAPABILITIES,
    log,
    problems,
  });
  const complaints = services.map(async ({ service, plugin, where }) => {
    if ('reason' in plugin || !plugin.hasConfigure) return;
    if (problems.some((problem) => problem.service === service.name)) return;
    const pool = pools.of(service.name);
    const complaint = await new Promise<string>((resolve) => pool.submit(new ConfigureRun(service, resolve)));
    if (complaint === '') return;
    problems.push({ service: service.name, where, reason: complaint });
  });
  await Promise.all(complaints);
  const order = new Map(configured.map(({ name }, index) => [name, index]));
  problems.sort((first, second) => order.get(first.service)! - order.get(second.service)!);
  return { sandbox: new Sandbox(services, { pools, breakers: new Breakers({ log }), log }), problems };
}

class Sandbox implements CalloutService {
  readonly #loaded: ReadonlyMap<string, SourcedService>;
  readonly #services: ReadonlyMap<string, Service>;
  readonly #bodyWithheld: ReadonlySet<string>;
  readonly #pools: SandboxPools;
  readonly #breakers: Breakers;
  readonly #log: Log;
  readonly #threads = new LibraryThreads();

  constructor(
    loaded: readonly SourcedService[],
    { pools, breakers, log }: { pools: SandboxPools; breakers: Breakers; log: Log },
  ) {
    this.#log = log;
    this.#loaded = new Map(loaded.map((entry) => [entry.service.name, entry]));
    this.#services = new Map(loaded.map(({ service }) => [service.name, service]));
    const withheld = loaded.filter(({ plugin }) => 'readsBody' in plugin && !plugin.readsBody);
    this.#bodyWithheld = new Set(withheld.map(({ service }) => service.name));
    this.#pools = pools;
    this.#breakers = breakers;
  }

  wantsParts(name: string): boolean {
    const plugin = this.#loaded.get(name)?.plugin;
    return plugin !== undefined && 'wantsParts' in plugin && plugin.wantsParts;
  }

  async partTable(image: MessageImage): Promise<PartTable | undefined> {
    const signal = AbortSignal.timeout(PART_TABLE_MS);
    const made = await this.#threads.run({ task: 'partTable', input: image }, { signal });
    if ('fault' in made) {
      this.#log.error({ cause: made.fault }, 'the table of parts could not be made');
      return undefined;
    }
    return made.output;
  }

  async run(job: CalloutJob): Promise<CalloutResult> {
    if (job.services.length === 0)
      return { outcomes: [], state: job.state, ...(job.image && { image: job.image }) };
    return new Promise((settle) => {
      new GroupRun(job, {
        services: this.#services,
        breakers: this.#breakers,
        pools: this.#pools,
        bodyWithheld: this.#bodyWithheld,
        settle,
      }).begin();
    });
  }

  answers(name: string, stage: CalloutJob['stage']): boolean {
    const plugin = this.#loaded.get(name)?.plugin;
    if (plugin === undefined) return false;
    // One that did not load must be asked, or its failure policy would never apply.
    return 'reason' in plugin || plugin.stages.has(stage);
  }

  openBreakers(): readonly OpenBreaker[] {
    return this.#breakers.list();
  }

  async close(): Promise<void> {
    await Promise.all([this.#pools.close(), this.#threads.close()]);
  }
}
