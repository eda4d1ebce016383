import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceStatus } from '../admin/answers.ts';
import { startWeb, type Web } from '../admin/web.ts';
import { describeError, type OperationalError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { Config, ListenerConfig, WebConfig } from '../config/config.ts';
import type { LoadedConfig } from '../config/load.ts';
import { Converter } from '../delivery/converter.ts';
import { Forwarder } from '../delivery/forwarder.ts';
import { IncidentRunner } from '../delivery/incidents/runner.ts';
import { Notices } from '../delivery/notices.ts';
import { startQueueRunner, type DeliverySettings, type QueueRunner } from '../delivery/queue-runner.ts';
import { compileRequesters } from '../ocp/requesters.ts';
import type { ProxyOptions } from '../proxy/options.ts';
import { createProxy } from '../proxy/session.ts';
import { LibraryThreads } from '../sandbox/capabilities/library-threads.ts';
import { fileAuthenticator } from '../smtp/password-file.ts';
import { startListener, type Listener } from '../smtp/server.ts';
import { secureContext, type TlsIdentity } from '../smtp/tls.ts';
import { openBlobFiles, type BlobFiles } from '../store/blob-files.ts';
import { s3Blobs } from '../store/s3-blobs.ts';
import { openSqliteStore, type SqliteStore } from '../store/sqlite-store.ts';
import { deliveryPolicy } from './delivery-policy.ts';
import { CommandError, EXIT } from './exit.ts';
import { Generation } from './generation.ts';
import { incidentSinks } from './incident-sinks.ts';
import {
  blobsDirectory,
  emptySpool,
  identityOf,
  pemOf,
  notesPath,
  prepareState,
  spoolDirectory,
  storePath,
} from './state-dir.ts';

/**
 * The running gate: the one place where all parts are put together.
 *
 * Start: store, sandbox, queue runner, then the listeners, so that nothing is accepted that could not be handled. Stop is the
 * reverse. A reload makes a new generation first; if that fails the old one goes on as if nothing had happened.
 */
export class Gate {
  readonly #log: Log;
  readonly #store: SqliteStore;
  readonly #blobs: BlobFiles;
  readonly #runner: QueueRunner;
  readonly #notices = new Notices();
  /** Of the queue, to convert messages in. */
  readonly #threads = new LibraryThreads();
  readonly #incidents: IncidentRunner;
  readonly #listeners = new Map<string, RunningListener>();
  #web: { readonly config: WebConfig; readonly server: Web } | undefined;
  #generation: Generation;
  /** Generations and listeners whose last transactions are still running. */
  readonly #retiring = new Set<Promise<void>>();

  private constructor(parts: { log: Log; store: SqliteStore; blobs: BlobFiles; generation: Generation }) {
    this.#log = parts.log;
    this.#store = parts.store;
    this.#blobs = parts.blobs;
    this.#generation = parts.generation;
    this.#incidents = new IncidentRunner({ store: parts.store.incidents, log: parts.log });
    const { stateDir } = parts.generation.config;
    this.#runner = startQueueRunner({
      store: parts.store,
      converter: new Converter({
        spoolDirectory: spoolDirectory(stateDir),
        threads: this.#threads,
        log: parts.log,
      }),
      notesPath: notesPath(parts.generation.config),
      log: parts.log,
      ...deliverySettings(parts.generation),
    });
  }

  /**
   * Starts everything that the config names. Throws a CommandError for plugins that are not fit to run, or an
   * OperationalError that says what kept it from starting; nothing is left running then.
   */
  static async start(loaded: LoadedConfig, log: Log): Promise<Gate> {
    const { config } = loaded;
    await prepareState(config);
    const store = await openSqliteStore({ path: storePath(config), log, role: 'server' });
    let blobs: BlobFiles | undefined;
    let generation: Generation | undefined;
    let gate: Gate | undefined;
    try {
      blobs = await openBlobFiles({ directory: blobsDirectory(config), index: store.blobIndex, log });
      const opened = await Generation.open(loaded, { log, keyValues: store.keyValues, blobs });
      if ('problems' in opened) throw new CommandError(EXIT.usage, opened.problems.join('\n'));
      ({ generation } = opened);
      await emptySpool(config);
      gate = new Gate({ log, store, blobs, generation });
      blobs.setRemotes(config.blobStores.map(s3Blobs));
      await gate.#incidents.setSinks(incidentSinks(config));
      const identities = await identitiesOf(config);
      for (const listener of config.listeners) await gate.#listen(listener, identities.get(listener.name)!);
      await gate.#serveWeb(config.web);
      return gate;
    } catch (error) {
      // Any thread that is left would keep the process alive.
      if (gate === undefined) {
        await Promise.all([generation?.close(0), blobs?.close()]);
        await store.close();
      } else await gate.stop(0);
      throw error;
    }
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

  /** Where it serves files; absent if the config says nothing of it. */
  get web(): { readonly config: WebConfig; readonly port: number } | undefined {
    return this.#web && { config: this.#web.config, port: this.#web.server.port };
  }

  /** Resolves if the store ends unasked. Nothing can be promised without it: the process has to be started anew. */
  get broken(): Promise<OperationalError> {
    return this.#store.ended;
  }

  /** What the services do. */
  get services(): readonly ServiceStatus[] {
    return this.#generation.status();
  }

  /**
   * Takes over a new config: a listener whose socket stays the same keeps its sessions, and each next transaction goes by the
   * new config; queue and transactions under way end with what they began with. The sessions of a listener that
   * is gone or has moved are told 421 once they are idle. If the config can't be taken over, the old one runs on as if
   * nothing had happened; a new listener whose port is taken is the one thing that can go wrong later.
   */
  async reload(loaded: LoadedConfig): Promise<Reloaded> {
    const { config } = loaded;
    const fixed = fixedChanges(this.#generation.config, config);
    if (fixed.length > 0) return { applied: false, problems: fixed };
    const identities = await identitiesOf(config);
    const opened = await Generation.open(loaded, {
      log: this.#log,
      keyValues: this.#store.keyValues,
      blobs: this.#blobs,
      before: this.#generation,
    });
    if ('problems' in opened) return { applied: false, problems: opened.problems };

    const previous = this.#generation;
    this.#generation = opened.generation;
    this.#runner.reload(deliverySettings(opened.generation));
    this.#retire(this.#incidents.setSinks(incidentSinks(config)));
    this.#blobs.setRemotes(config.blobStores.map(s3Blobs));
    const problems = await this.#relisten(config.listeners, identities);
    await this.#serveWeb(config.web).catch((error: unknown) => problems.push(`web: ${describeError(error)}`));
    this.#retire(previous.close(RETIRE_MS));
    return { applied: true, problems };
  }

  /**
   * Stops accepting, lets transactions and deliveries end within `deadlineMs`, and closes the store last. What a reload
   * replaced and did not end by then is left as it is: the process should end.
   */
  async stop(deadlineMs: number): Promise<void> {
    const until = Date.now() + deadlineMs;
    const left = (): number => Math.max(0, until - Date.now());
    const servers = [...this.#listeners.values()].map(({ listener }) => listener.close(deadlineMs));
    await Promise.all([...servers, this.#web?.server.close(deadlineMs)]);
    this.#listeners.clear();
    // A delivery that is cut off may be made twice, so these get a moment in any case.
    await this.#runner.stop(Math.min(deadlineMs, Math.max(left(), DELIVERIES_MS)));
    await Promise.all([this.#generation.close(left()), this.#threads.close()]);
    await Promise.race([Promise.all(this.#retiring), sleep(left())]);
    await this.#incidents.stop();
    await this.#blobs.close();
    await this.#store.close();
  }

  async #listen(config: ListenerConfig, tls: TlsIdentity): Promise<void> {
    const { stateDir, hostname } = this.#generation.config;
    const running: Omit<RunningListener, 'listener'> = { config, options: undefined };
    const listener = await startListener(
      {
        ...config,
        hostname,
        log: this.#log,
        spoolDirectory: spoolDirectory(stateDir),
        tls,
        ...(config.auth && { authenticator: fileAuthenticator(config.auth.file) }),
      },
      createProxy(() => this.#optionsOf(running)),
    );
    this.#listeners.set(config.name, Object.assign(running, { listener }));
  }

  /** One whose settings stay the same keeps its connections. */
  async #serveWeb(config: WebConfig | undefined): Promise<void> {
    const tls = config?.tls && (await pemOf(config.tls));
    const running = this.#web;
    if (running !== undefined && JSON.stringify(running.config) === JSON.stringify(config)) {
      if (tls !== undefined) running.server.renewTls(tls);
      return;
    }
    this.#web = undefined;
    if (running !== undefined) this.#retire(running.server.close(RETIRE_MS));
    if (config === undefined) return;
    const server = await startWeb({ ...config, tls, blobs: this.#blobs, log: this.#log });
    this.#web = { config, server };
  }

  async #relisten(
    wanted: readonly ListenerConfig[],
    identities: ReadonlyMap<string, TlsIdentity>,
  ): Promise<string[]> {
    const problems: string[] = [];
    for (const [name, running] of this.#listeners) {
      const next = wanted.find((config) => config.name === name);
      if (next !== undefined && sameSocket(running.config, next)) {
        running.config = next;
        // Under the same path there may be a new certificate by now.
        running.listener.renewTls(identities.get(name)!);
        continue;
      }
      this.#listeners.delete(name);
      this.#retire(running.listener.close(RETIRE_MS));
    }
    for (const config of wanted) {
      if (this.#listeners.has(config.name)) continue;
      try {
        await this.#listen(config, identities.get(config.name)!);
      } catch (error) {
        problems.push(`listeners.${config.name}: ${describeError(error)}`);
      }
    }
    return problems;
  }

  #retire(closing: Promise<void>): void {
    const retiring = closing
      .catch((error: unknown) =>
        this.#log.error({ cause: describeError(error) }, 'what a reload replaced did not close'),
      )
      .finally(() => this.#retiring.delete(retiring));
    this.#retiring.add(retiring);
  }

  /** Asked for at every transaction, made once between two reloads. */
  #optionsOf(running: Omit<RunningListener, 'listener'>): ProxyOptions {
    const { options, config } = running;
    const generation = this.#generation;
    if (options?.generation === generation && options.config === config) return options.value;
    const value = this.#proxyOptions(generation, config);
    running.options = { generation, config, value };
    return value;
  }

  #proxyOptions(generation: Generation, listener: ListenerConfig): ProxyOptions {
    const { config } = generation;
    return {
      hostname: config.hostname,
      listener: { ...listener, domains: listener.domains && new Set(listener.domains) },
      dispatcher: generation.dispatcher(listener.group),
      forwarder: new Forwarder({
        store: this.#store,
        runner: this.#runner,
        log: this.#log,
        notices: this.#notices,
        noticeSettings: { ...config.notices, postmaster: config.postmaster },
        incidents: this.#incidents,
        ...deliverySettings(generation),
      }),
      opes: { system: config.opes.system, requesters: compileRequesters(config.opes.bypass) },
      bypasses: this.#store,
      breaks: this.#store,
      blobs: this.#blobs,
      log: this.#log,
      hold: generation.hold,
    };
  }
}

export interface Reloaded {
  /** False: the old config goes on. */
  readonly applied: boolean;
  readonly problems: readonly string[];
}

interface RunningListener {
  /** A reload changes it while the socket stays. */
  config: ListenerConfig;
  readonly listener: Listener;
  /** What its transactions go by, and what that was made from. */
  options:
    | { readonly generation: Generation; readonly config: ListenerConfig; readonly value: ProxyOptions }
    | undefined;
}

/** How long a stop waits at least for the deliveries under way, if it waits at all. */
const DELIVERIES_MS = 2000;

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

function deliverySettings({ config, downstreams, hold }: Generation): DeliverySettings {
  const { hostname, opes } = config;
  return { downstreams, policy: deliveryPolicy(config), hostname, opesSystem: opes.system, hold };
}

/** Key and certificate of each listener. Throws if one can't be used. */
async function identitiesOf(config: Config): Promise<Map<string, TlsIdentity>> {
  const identities = new Map<string, TlsIdentity>();
  // One after the other: the first of them makes the certificate that the others share.
  for (const listener of config.listeners) {
    const identity = await identityOf(listener, config);
    secureContext(identity);
    identities.set(listener.name, identity);
  }
  return identities;
}

/** Settings that only a restart can change. */
function fixedChanges(before: Config, after: Config): string[] {
  const fixed = ['stateDir', 'hostname'] as const;
  return fixed
    .filter((key) => before[key] !== after[key])
    .map((key) => `${key}: changed from ${before[key]} to ${after[key]}, which takes a restart`);
}
