import { OperationalError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import { Forwarder } from '../delivery/forwarder.ts';
import { startQueueRunner, type QueueRunner } from '../delivery/queue-runner.ts';
import type { ProxyOptions } from '../proxy/options.ts';
import { createProxy } from '../proxy/session.ts';
import { fileAuthenticator } from '../smtp/password-file.ts';
import { startListener, type Listener } from '../smtp/server.ts';
import type { Downstream } from '../smtp/transaction.ts';
import { openSqliteStore, type SqliteStore } from '../store/sqlite-store.ts';
import { deliveryPolicy } from './delivery-policy.ts';
import { Generation } from './generation.ts';
import { emptySpool, identityOf, prepareState, spoolDirectory, storePath } from './state-dir.ts';

/**
 * The running gate: the one place where all parts are put together.
 *
 * Start: sandbox, store, queue runner, then the listeners, so that nothing is accepted that could not be handled. Stop is the
 * reverse. A reload makes a new generation first; if that fails the old one goes on as if nothing had happened.
 */
export class Gate {
  readonly #log: Log;
  readonly #store: SqliteStore;
  readonly #runner: QueueRunner;
  /** Looked up by name at each delivery; a reload changes the entries. */
  readonly #downstreams: Map<string, Downstream>;
  readonly #listeners = new Map<string, RunningListener>();
  #generation: Generation;
  /** Generations whose last transactions are still running. */
  readonly #retiring = new Set<Promise<void>>();

  private constructor(parts: { log: Log; store: SqliteStore; generation: Generation }) {
    this.#log = parts.log;
    this.#store = parts.store;
    this.#generation = parts.generation;
    this.#downstreams = new Map(parts.generation.downstreams);
    this.#runner = startQueueRunner({
      store: parts.store,
      downstreams: this.#downstreams,
      policy: deliveryPolicy(parts.generation.config),
      log: parts.log,
      hostname: parts.generation.config.hostname,
    });
  }

  /** Starts everything that the config names. Throws an OperationalError that says what kept it from starting. */
  static async start(config: Config, log: Log): Promise<Gate> {
    await prepareState(config);
    const opened = await Generation.open(config, log);
    if ('problems' in opened) throw new OperationalError('plugins_unfit', opened.problems.join('\n'));
    const store = await openSqliteStore({ path: storePath(config), log, role: 'server' });
    await emptySpool(config);
    const gate = new Gate({ log, store, generation: opened.generation });
    try {
      for (const listener of config.listeners) await gate.#listen(listener);
    } catch (error) {
      await gate.stop(0);
      throw error;
    }
    return gate;
  }

  /** Where it listens, for people and tests: the port may have been chosen by the system. */
  get listeners(): readonly {
    readonly config: ListenerConfig;
    readonly address: string;
    readonly port: number;
  }[] {
    return [...this.#listeners.values()].map(({ config, listener }) => ({
      config,
      address: listener.address,
      port: listener.port,
    }));
  }

  /** Resolves if the store ends unasked. Nothing can be promised without it: the process has to be started anew. */
  get broken(): Promise<OperationalError> {
    return this.#store.ended;
  }

  /**
   * Takes over a new config without dropping a session: a listener whose socket stays the same keeps its sessions, and
   * each next transaction goes by the new config. Returns what is wrong with it, and the old one runs on, if anything is.
   */
  async reload(config: Config): Promise<string[]> {
    const fixed = fixedChanges(this.#generation.config, config);
    if (fixed.length > 0) return fixed;
    await prepareState(config);
    const opened = await Generation.open(config, this.#log);
    if ('problems' in opened) return opened.problems;

    const previous = this.#generation;
    this.#generation = opened.generation;
    this.#downstreams.clear();
    for (const [name, downstream] of opened.generation.downstreams) this.#downstreams.set(name, downstream);
    const problems = await this.#relisten(config.listeners);
    const retiring = previous.close(RETIRE_MS).finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
    this.#runner.wake();
    return problems;
  }

  /** Stops accepting, lets transactions and deliveries end within `deadlineMs`, and closes the store last. */
  async stop(deadlineMs: number): Promise<void> {
    await Promise.all([...this.#listeners.values()].map(({ listener }) => listener.close(deadlineMs)));
    this.#listeners.clear();
    await this.#runner.stop(deadlineMs);
    await this.#generation.close(deadlineMs);
    await Promise.all(this.#retiring);
    await this.#store.close();
  }

  async #listen(config: ListenerConfig): Promise<void> {
    const { stateDir, hostname } = this.#generation.config;
    const running: { config: ListenerConfig } = { config };
    const listener = await startListener(
      {
        ...config,
        hostname,
        log: this.#log,
        spoolDirectory: spoolDirectory(stateDir),
        tls: await identityOf(config, { stateDir, hostname }),
        ...(config.auth && { authenticator: fileAuthenticator(config.auth.file) }),
      },
      createProxy(() => this.#proxyOptions(running.config)),
    );
    this.#listeners.set(config.name, Object.assign(running, { listener }));
  }

  async #relisten(wanted: readonly ListenerConfig[]): Promise<string[]> {
    const problems: string[] = [];
    for (const [name, running] of this.#listeners) {
      const next = wanted.find((config) => config.name === name);
      if (next !== undefined && sameSocket(running.config, next)) {
        running.config = next;
        continue;
      }
      this.#listeners.delete(name);
      await running.listener.close(RETIRE_MS);
    }
    for (const config of wanted) {
      if (this.#listeners.has(config.name)) continue;
      try {
        await this.#listen(config);
      } catch (error) {
        problems.push(error instanceof Error ? error.message : String(error));
      }
    }
    return problems;
  }

  #proxyOptions(listener: ListenerConfig): ProxyOptions {
    const generation = this.#generation;
    const { config } = generation;
    return {
      hostname: config.hostname,
      listener: { ...listener, domains: listener.domains && new Set(listener.domains) },
      dispatcher: generation.dispatcher(listener.group),
      forwarder: new Forwarder({
        store: this.#store,
        runner: this.#runner,
        downstreams: generation.downstreams,
        policy: deliveryPolicy(config),
        log: this.#log,
        hostname: config.hostname,
      }),
      log: this.#log,
      hold: generation.hold,
    };
  }
}

interface RunningListener {
  /** A reload changes it while the socket stays. */
  config: ListenerConfig;
  readonly listener: Listener;
}

/** How long a replaced generation may take to end its transactions. */
const RETIRE_MS = 10 * 60_000;

/** Whether a listener can keep its socket and sessions: all that the server itself works from is the same. */
function sameSocket(before: ListenerConfig, after: ListenerConfig): boolean {
  const socket = ({
    domains: _d,
    downstream: _s,
    mode: _m,
    group: _g,
    mixedVerdicts: _v,
    ...rest
  }: ListenerConfig) => JSON.stringify(rest);
  return socket(before) === socket(after);
}

/** Settings that only a restart can change. */
function fixedChanges(before: Config, after: Config): string[] {
  const fixed = ['stateDir', 'hostname'] as const;
  const changed = fixed.filter((key) => before[key] !== after[key]).map((key): string => key);
  if (JSON.stringify([before.queue, before.bounce]) !== JSON.stringify([after.queue, after.bounce]))
    changed.push('queue, bounce');
  return changed.map((key) => `${key}: changed, which takes a restart; the old config goes on`);
}
