import { setFlagsFromString } from 'node:v8';
import { MessageChannel, receiveMessageOnPort, Worker, type MessagePort } from 'node:worker_threads';
import { Alarm } from '../base/alarm.ts';
import { describeError } from '../base/errors.ts';
import { workerUrl } from '../base/worker-url.ts';
import type { CapabilityAnswer } from '../ocp/capability.ts';
import type { CrewMember, MemberHandlers } from './crew-member.ts';
import { answerThread } from './host-line-thread.ts';
import { Outside } from './outside.ts';
import { Progress } from './progress.ts';
import type { LoadedService, Report, Task, WorkerSetup } from './wire.ts';
import type { Work } from './work.ts';

/**
 * JavaScript heap of a worker. Guests' memories are not in it; what a guest makes the host keep is. A thread that has worked keeps 32 MiB of
 * young generation where a new one has 2; with half of that a call took a tenth more CPU.
 */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 };

// Each instance's memory counts as heap. From V8's own start size it would collect the whole heap after every 100 calls,
// which took a fifth of all CPU under load; so it is after some 300, for about 20 MB more of a busy thread.
setFlagsFromString('--initial-old-space-size=48');

/**
 * One worker thread and the work that it has. It has a channel of its own, not the worker's default one, since only that can
 * be emptied by hand: what a worker said before its end must not be lost.
 */
export class Thread implements CrewMember {
  readonly progress = new Progress();
  readonly outside = new Outside();
  work: Work | undefined;
  preparing: string | undefined;
  lacking: readonly string[] = [];
  ready = false;
  gone = false;
  readonly deadline: Alarm;
  stalledAt: number | undefined;
  slow = false;
  away = false;
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  #cause = 'its worker thread ended';

  constructor(services: readonly LoadedService[], handlers: MemberHandlers) {
    this.deadline = new Alarm(() => handlers.late());
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const setup: WorkerSetup = {
      port: port2,
      progress: this.progress.shared,
      bell: this.#bell.buffer,
      services,
    };
    this.#worker = new Worker(workerUrl('./worker.ts', import.meta.url), {
      workerData: setup,
      transferList: [port2],
      // Nothing of the process leaks into a thread that runs strangers' code.
      env: {},
      argv: [],
      // Extism loads Node's WASI, which warns of itself, though it is never used.
      execArgv: ['--no-warnings'],
      resourceLimits: RESOURCE_LIMITS,
    });
    this.#port.on('message', (report: Report) => handlers.report(report));
    this.#worker.on('error', (thrown: Error & { code?: string }) => {
      this.#cause =
        thrown.code === 'ERR_WORKER_OUT_OF_MEMORY'
          ? 'its worker thread ran out of memory'
          : `its worker thread crashed: ${describeError(thrown)}`;
    });
    this.#worker.once('exit', () => handlers.exit(this.#cause));
  }

  send(task: Task): void {
    this.progress.reset();
    this.stalledAt = undefined;
    this.slow = false;
    this.away = false;
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this port is between threads
    this.#port.postMessage(task);
  }

  answer(answer: CapabilityAnswer): void {
    answerThread(this.#port, { bell: this.#bell, answer });
  }

  nextReport(): Report | undefined {
    return receiveMessageOnPort(this.#port)?.message;
  }

  async end(): Promise<void> {
    this.gone = true;
    this.deadline.clear();
    this.outside.abort();
    this.#port.close();
    await this.#worker.terminate();
  }
}
