import { readFile } from 'node:fs/promises';
import type { ServiceStatus } from '../admin/answers.ts';
import type { Log } from '../base/log.ts';
import type { Config, DownstreamConfig } from '../config/config.ts';
import type { LoadedConfig } from '../config/load.ts';
import { maildirDownstream } from '../delivery/maildir.ts';
import { createDispatcher, type Dispatcher } from '../ocp/dispatch.ts';
import { divideByKey } from '../ocp/key-division.ts';
import type { Blobs } from '../ocp/blob.ts';
import type { KeyValues } from '../ocp/key-value.ts';
import { metersFor, type Meter } from '../ocp/meter.ts';
import type { CalloutService } from '../ocp/service.ts';
import { smtpDownstream } from '../smtp/client.ts';
import type { Downstream } from '../smtp/transaction.ts';
import { openSandbox, type LoadedPlugin, type OpenedSandbox } from './plugins.ts';

/**
 * Everything that is made anew from a config when it is reloaded: sandbox, dispatchers, downstreams. Transactions and deliveries
 * that began with a generation end with it; it is closed when the last of them has ended.
 */
export class Generation {
  readonly config: Config;
  readonly downstreams: ReadonlyMap<string, Downstream>;
  readonly #callouts: CalloutService;
  readonly #dispatchers: ReadonlyMap<string, Dispatcher>;
  readonly #plugins: ReadonlyMap<string, LoadedPlugin>;
  readonly #meters: ReadonlyMap<string, Meter>;
  #users = 0;
  #retired: (() => void) | undefined;

  private constructor(parts: {
    config: Config;
    opened: OpenedSandbox;
    downstreams: Map<string, Downstream>;
    before: Generation | undefined;
  }) {
    const { before } = parts;
    const { sandbox, plugins } = parts.opened;
    this.config = parts.config;
    this.#callouts = sandbox;
    this.downstreams = parts.downstreams;
    this.#plugins = plugins;
    this.#meters = metersFor(
      parts.config.services.map(({ name }) => ({ name, plugin: plugins.get(name)?.digest })),
      before === undefined ? undefined : before.#meters,
    );
    const meters = this.#meters;
    const services = new Map(parts.opened.services.map((service) => [service.name, service]));
    const keysOf = divideByKey(services.values(), parts.config.keys);
    this.#dispatchers = new Map(
      parts.config.groups.map(({ name, entries }) => {
        // What is disabled is not there, as if no group named it.
        const group = { name, entries: entries.filter(({ service }) => services.has(service)) };
        return [name, createDispatcher({ callouts: sandbox, group, services, meters, keysOf })];
      }),
    );
  }

  /**
   * Loads all plugins. Returns the problems, one line each, if any of them is not fit to run; nothing is left open then. What was
   * counted of services `before` goes on, as long as their plugins are the same.
   */
  static async open(
    loaded: LoadedConfig,
    { before, ...outside }: { log: Log; keyValues: KeyValues; blobs: Blobs; before?: Generation },
  ): Promise<{ generation: Generation } | { problems: string[] }> {
    const { config } = loaded;
    const { log } = outside;
    const opened = await openSandbox(loaded, outside);
    const { problems, warnings } = opened;
    if (problems.length > 0) {
      await opened.sandbox.close();
      return { problems };
    }
    for (const warning of warnings) log.warn({ warning }, 'the config has a warning');
    const downstreams = new Map<string, Downstream>();
    try {
      for (const downstream of config.downstreams)
        downstreams.set(downstream.name, await open(downstream, { config, log }));
    } catch (error) {
      // Its threads and processes would stay for as long as this one.
      await opened.sandbox.close();
      throw error;
    }
    return { generation: new Generation({ config, opened, downstreams, before }) };
  }

  dispatcher(group: string | undefined): Dispatcher | undefined {
    return group === undefined ? undefined : this.#dispatchers.get(group);
  }

  /** Every service of the config, in its order, with what it has done. */
  status(): ServiceStatus[] {
    const breakers = this.#callouts.openBreakers();
    return this.config.services.map((service) => {
      const { name, mode, allowModify, enabled, isolation } = service;
      return {
        service: name,
        plugin: service.plugin,
        ...this.#plugins.get(name),
        enabled,
        mode,
        allowModify,
        isolation,
        groups: this.config.groups
          .filter(({ entries }) => entries.some((entry) => entry.service === name))
          .map((group) => group.name),
        breakers: breakers.filter((breaker) => breaker.service === name),
        reading: this.#meters.get(name)?.read(),
      };
    });
  }

  /** Keeps the generation open until the returned function is called. */
  readonly hold = (): (() => void) => {
    this.#users += 1;
    return () => {
      this.#users -= 1;
      if (this.#users === 0) this.#retired?.();
    };
  };

  /** Waits until nobody holds it, at most `deadlineMs`, and closes it. */
  async close(deadlineMs: number): Promise<void> {
    if (this.#users > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadlineMs);
        this.#retired = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    await this.#callouts.close();
    await Promise.all([...this.downstreams.values()].map((downstream) => downstream.close(deadlineMs)));
  }
}

async function open(
  downstream: DownstreamConfig,
  context: { config: Config; log: Log },
): Promise<Downstream> {
  const { hostname } = context.config;
  const { log } = context;
  if (downstream.protocol === 'maildir') return maildirDownstream({ ...downstream, hostname, log });
  const { endpoint, ca, ...rest } = downstream;
  return smtpDownstream({
    ...rest,
    ...endpoint,
    hostname,
    log,
    ...(ca !== undefined && { ca: await readFile(ca, 'utf8') }),
  });
}
