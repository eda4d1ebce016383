import { fileURLToPath } from 'node:url';
import { Alarm } from '../base/alarm.ts';
import { describeError } from '../base/errors.ts';
import { workerUrl } from '../base/worker-url.ts';
import type { CapabilityAnswer } from '../ocp/capability.ts';
import type { Service } from '../ocp/service.ts';
import type { Stage } from '../ocp/stage.ts';
import { isRoot, startConfined, type Confined, type ConfinedProgram } from './confine.ts';
import type { CrewMember, MemberHandlers } from './crew-member.ts';
import { IdleWatch, LOOK_EVERY_MS } from './idle-watch.ts';
import { Outside } from './outside.ts';
import { askProcess, configureProcess, prepareProcess } from './process-call.ts';
import { Liar, ProcessChannel } from './process-channel.ts';
import { confinedSchema, loadedSchema, startedSchema, type Told } from './process-wire.ts';
import { monotonicMs } from './progress.ts';
import type { Report, Task } from './wire.ts';
import type { Work } from './work.ts';

/** A service whose plugin has been checked, and has not been compiled: that is done where it runs. */
export interface ConfinedService {
  readonly service: Service;
  /** With its memory capped. */
  readonly binary: Uint8Array;
  readonly stages: ReadonlySet<Stage>;
  readonly wantsParts: boolean;
}

/**
 * One confined process and the work that it has, for one service. It lives as `process-wire.ts` says, speaks when it is told to, and
 * nothing that it says is believed. What is wrong with it, if it lies, hangs, floods or dies, is its end and a failure of its service.
 */
export class Process implements CrewMember {
  readonly outside = new Outside();
  readonly deadline: Alarm;
  readonly progress = { current: () => this.#current() };
  work: Work | undefined;
  ready = false;
  gone = false;
  stalledAt: number | undefined;
  slow = false;
  away = false;
  preparing: string | undefined;
  lacking: readonly string[] = [];
  readonly #loaded: ConfinedService;
  readonly #handlers: MemberHandlers;
  readonly #confined: Promise<Confined>;
  #channel: ProcessChannel | undefined;
  #sentMs = 0;
  /** Wall time that all work before the one at hand took. */
  #workedMs = 0;
  #isAtWork = false;
  readonly #idle = new IdleWatch();
  #looking: NodeJS.Timeout | undefined;
  /** When all of the answer was there. What is done with it then is not the plugin's time. */
  #answeredMs: number | undefined;
  /** The last call has failed, maybe by what it said alone, which is judged here. */
  #hasFailed = false;
  #onAnswer: ((answer: CapabilityAnswer) => void) | undefined;

  constructor(loaded: ConfinedService, handlers: MemberHandlers, program: ConfinedProgram = PROGRAM) {
    this.#loaded = loaded;
    this.#handlers = handlers;
    // Timers go before sockets: what has arrived and was not read is to be read first.
    this.deadline = new Alarm(() => setImmediate(() => handlers.late()));
    this.#confined = startConfined(program);
    this.#start().then(
      () => handlers.report({ kind: 'ready' }),
      (thrown: unknown) => this.#fail(thrown),
    );
  }

  send(task: Task): void {
    this.#isAtWork = true;
    this.#sentMs = monotonicMs();
    this.#answeredMs = undefined;
    this.stalledAt = undefined;
    this.slow = false;
    this.away = false;
    this.#run(task).then(
      (report) => {
        this.#workedMs = this.#workMs();
        this.#isAtWork = false;
        this.#handlers.report(report);
      },
      (thrown: unknown) => this.#fail(thrown),
    );
  }

  answer(answer: CapabilityAnswer): void {
    this.#onAnswer?.(answer);
  }

  /** All that has arrived has been handed over. */
  nextReport(): undefined {
    return undefined;
  }

  async end(): Promise<void> {
    this.gone = true;
    this.deadline.clear();
    this.outside.abort();
    clearInterval(this.#looking);
    const confined = await this.#confined.catch(() => undefined);
    await confined?.end();
  }

  async #start(): Promise<void> {
    const { service, binary } = this.#loaded;
    const confined = await this.#confined;
    const channel = new ProcessChannel(confined, (fault) => this.#fail(fault));
    this.#channel = channel;
    startedSchema.parse((await channel.listen(SHORT)).message);
    await confined.limit(memoryOf(service));
    const confine: Told = { kind: 'confine', uid: isRoot() ? nextUid() : undefined };
    confinedSchema.parse((await channel.ask({ message: confine, limits: SHORT })).message);
    confined.verify();
    const { limits, settings, allowModify, callsPerInstance, grants } = service;
    const load: Told = {
      kind: 'load',
      service: { limits, settings, allowModify, callsPerInstance },
      knowsTime: grants.clock === true,
    };
    const loaded = await channel.ask({ message: load, parts: [binary], limits: SHORT });
    const { problem } = loadedSchema.parse(loaded.message);
    if (problem !== undefined) throw new Error(`it is malformed: ${problem}`);
    if (!this.gone) this.#looking = setInterval(() => this.#look(confined), LOOK_EVERY_MS).unref();
  }

  async #run(task: Task): Promise<Report> {
    const channel = this.#channel!;
    const { service, stages, wantsParts } = this.#loaded;
    const answered = (): void => {
      this.#answeredMs = monotonicMs();
    };
    if (task.kind === 'configure') return configureProcess(channel, { service, answered });
    if (task.kind === 'prepare') return prepareProcess(channel, { service, answered });
    const discard = this.#hasFailed;
    const report = await askProcess(channel, {
      discard,
      service,
      stages,
      wantsParts,
      task,
      answered,
      micros: () => Math.round(this.#current().elapsedMs * 1000),
      outside: async (request) =>
        new Promise((resolve) => {
          this.#onAnswer = resolve;
          this.#handlers.report({ kind: 'request', request });
        }),
    });
    const { result } = report.outcome;
    if (result.kind !== 'failure' || result.unasked !== true) this.#hasFailed = result.kind === 'failure';
    return report;
  }

  /** It has no say in this: a call lasts from when it was sent until all of the answer is there. */
  #current(): { index: number; elapsedMs: number } {
    return { index: 0, elapsedMs: (this.#answeredMs ?? monotonicMs()) - this.#sentMs };
  }

  #workMs(): number {
    return this.#workedMs + (this.#isAtWork ? this.#current().elapsedMs : 0);
  }

  #look(confined: Confined): void {
    try {
      if (this.#idle.look({ workMs: this.#workMs(), cpuMs: confined.cpuMs() }))
        throw new Liar('it works without work');
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    const cause = describeError(thrown);
    this.#handlers.exit(thrown instanceof Liar ? `its confined process broke the rules: ${cause}` : cause);
  }
}

const SHORT = { json: 4096, octets: 0 };

const MIB = 1024 * 1024;
/** JavaScript heap of a process. As in a thread, guests' memories are not in it. */
const HEAP_MIB = 256;
/** What the engine needs beside: compiled code, and instances that wait for the garbage collector. */
const ENGINE_MIB = 128;

/** What it may have over what the program had before it took the plugin in. */
function memoryOf({ limits }: Service): { octets: number; addressSpace: number } {
  return {
    octets: (HEAP_MIB + ENGINE_MIB + 4 * limits.memoryMiB) * MIB + 2 * limits.addedBytes,
    // The engine reserves for each instance all that it may grow to. What is only reserved costs nothing; but each time that
    // this runs out, all garbage is collected, which takes 10 ms: so it is after some 200 calls.
    addressSpace: 256 * limits.memoryMiB * MIB,
  };
}

/** Users that no Debian package uses (Debian Policy 9.2.2), one for each process, so that none counts for another's limits. */
const FIRST_UID = 65_000;
const UIDS = 500;
let uids = 0;
const nextUid = (): number => FIRST_UID + (uids++ % UIDS);

const inApp = (path: string, name: string): readonly [string, string] => [
  `/app/${name}`,
  fileURLToPath(new URL(path, workerUrl('./process-main.ts', import.meta.url))),
];

const PROGRAM: ConfinedProgram = {
  main: '/app/dist/sandbox/process-main.js',
  files: Object.fromEntries([
    ...['base', 'mail', 'ocp', 'sandbox'].map((folder) => inApp(`../${folder}`, `dist/${folder}`)),
    inApp('../../package.json', 'package.json'),
    [
      '/app/node_modules/@extism/extism',
      fileURLToPath(new URL('../..', import.meta.resolve('@extism/extism'))),
    ],
  ]),
  flags: [
    // Else each memory takes 10 GiB of address space, and no limit could be set to that.
    '--disable-wasm-trap-handler',
    `--max-old-space-size=${HEAP_MIB}`,
    '--max-semi-space-size=16',
    '--stack-size=3500',
    '--disallow-code-generation-from-strings',
    '--no-warnings',
  ],
};
