import { availableParallelism } from 'node:os';
import type { Log } from '../base/log.ts';
import type { CapabilityHost } from '../ocp/capability.ts';
import type { CalloutJob, CalloutResult, CalloutService, OpenBreaker, Service } from '../ocp/service.ts';
import { Breakers } from './breakers.ts';
import { ConfigureRun } from './configure-run.ts';
import { GroupRun } from './group-run.ts';
import { compilePlugin, type Loaded } from './plugin-module.ts';
import { Pool } from './pool.ts';
import { Thread } from './thread.ts';
import type { LoadedService } from './wire.ts';

/**
 * The sandbox: the CalloutService that runs services as WebAssembly plugins (`sdk/ABI.md`).
 *
 * Each plugin file is checked and compiled once (once for each memory limit that its services have), and shared with all
 * worker threads (`pool.ts`). Each call of a service runs in a fresh instance there, inside its limits (`call.ts`,
 * `blocks.ts`, `caps.ts`); what it proposes counts only if the call succeeds (`judge.ts`). A callout job goes through its
 * services in one hop to a thread. If a thread has to be ended, the services that have answered keep their word, the one at work has
 * failed, and the rest goes on in another thread (`group-run.ts`).
 *
 * A service that is always late or always fails is not asked for a while (`breakers.ts`); and what waits for a thread waits in
 * turns, so that no service takes them all (`pool.ts`). A job that gets no thread in time fails with kind `overload`.
 *
 * Limits: memory at rest is threads × JavaScript heap; at work, at most one instance in each thread, so threads ×
 * (`memoryMiB` + 8 MiB host memory + `addedBytes`), besides instances that wait for the garbage collector.
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

/** Why a service can't be asked. */
export interface PluginProblem {
  readonly service: string;
  /** What the source says of itself. */
  readonly where: string;
  readonly reason: string;
}

/** A plugin's octets and where they are from, for people: a path, or an id with its version. Or why there are none. */
export type PluginSource = { readonly where: string } & (
  { readonly binary: Uint8Array } | { readonly reasons: readonly string[] }
);

const DEFAULT_QUEUE_MS = 10_000;

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
  const services = await loadServices(options, problems);
  const size = options.workers ?? Math.min(16, Math.max(2, availableParallelism()));
  const pool = new Pool({
    start: (handlers) => new Thread(services, handlers),
    noun: 'worker thread',
    size,
    queueMs: options.queueMs ?? DEFAULT_QUEUE_MS,
    deadlines: new Map(options.services.map(({ name, limits }) => [name, limits.deadlineMs])),
    crashDelayMs: 0,
    capabilities: options.capabilities ?? NO_CAPABILITIES,
    log: options.log,
  });
  await pool.start();
  const complaints = services.map(async ({ service, plugin, where }) => {
    if ('reason' in plugin || !plugin.hasConfigure) return;
    const complaint = await new Promise<string>((resolve) => pool.submit(new ConfigureRun(service, resolve)));
    if (complaint === '') return;
    problems.push({ service: service.name, where, reason: complaint });
  });
  await Promise.all(complaints);
  const order = new Map(options.services.map(({ name }, index) => [name, index]));
  problems.sort((first, second) => order.get(first.service)! - order.get(second.service)!);
  const breakers = new Breakers({ log: options.log });
  return { sandbox: new Sandbox(services, { pool, breakers }), problems };
}

async function loadServices(options: SandboxOptions, problems: PluginProblem[]): Promise<SourcedService[]> {
  const reading = new Map<string, Promise<PluginSource>>();
  const read = (plugin: string): Promise<PluginSource> => {
    const source = reading.get(plugin) ?? options.readPlugin(plugin);
    reading.set(plugin, source);
    return source;
  };
  const compiling = new Map<string, Promise<Loaded>>();
  const load = async ({ plugin, limits }: Service): Promise<{ where: string; loaded: Loaded }> => {
    const source = await read(plugin);
    if ('reasons' in source) return { where: source.where, loaded: source };
    const { memoryMiB } = limits;
    const key = `${memoryMiB} ${plugin}`;
    const loaded = compiling.get(key) ?? compilePlugin(source.binary, { memoryMiB });
    compiling.set(key, loaded);
    return { where: source.where, loaded: await loaded };
  };
  return Promise.all(
    options.services.map(async (service): Promise<SourcedService> => {
      const { where, loaded } = await load(service);
      if ('plugin' in loaded) return { service, where, plugin: loaded.plugin };
      for (const reason of loaded.reasons) problems.push({ service: service.name, where, reason });
      const reason = `its plugin ${where} did not load: ${loaded.reasons.join('; ')}`;
      return { service, where, plugin: { reason } };
    }),
  );
}

type SourcedService = LoadedService & { readonly where: string };

class Sandbox implements CalloutService {
  readonly #loaded: ReadonlyMap<string, LoadedService>;
  readonly #services: ReadonlyMap<string, Service>;
  readonly #pool: Pool;
  readonly #breakers: Breakers;

  constructor(loaded: readonly LoadedService[], { pool, breakers }: { pool: Pool; breakers: Breakers }) {
    this.#loaded = new Map(loaded.map((entry) => [entry.service.name, entry]));
    this.#services = new Map(loaded.map(({ service }) => [service.name, service]));
    this.#pool = pool;
    this.#breakers = breakers;
  }

  async run(job: CalloutJob): Promise<CalloutResult> {
    if (job.services.length === 0)
      return { outcomes: [], state: job.state, ...(job.image && { image: job.image }) };
    return new Promise((settle) => {
      const pools = { areOne: true, of: () => this.#pool };
      const options = { services: this.#services, breakers: this.#breakers, pools, settle };
      new GroupRun(job, options).begin();
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
    await this.#pool.close();
  }
}
