import { workerData } from 'node:worker_threads';
import { decisionSchema } from '../ocp/decision.ts';
import { DEFAULT_LIMITS, DEFAULT_SERVICE } from '../ocp/service.ts';
import { Call } from './call.ts';
import { GuestRunner } from './guest.ts';
import { ThreadLine } from './host-line-thread.ts';
import { Progress } from './progress.ts';
import { runConfigure, runPrepare, runTask, type TaskContext } from './task-runner.ts';
import type { Report, Task, WorkerSetup } from './wire.ts';

/**
 * The entry of a worker thread (`thread.ts` starts it). It takes one task at a time and says what comes of it; the pool sends the
 * next only when all of that has been said. An exception here is a bug and ends the thread, which the pool survives.
 */
const setup: WorkerSetup = workerData;
const { port, bell, progress, services } = setup;

const context: TaskContext = {
  services: new Map(services.map((loaded) => [loaded.service.name, loaded])),
  guests: new GuestRunner(),
  line: new ThreadLine(port, bell),
  progress: new Progress(progress),
  report: (report: Report) => port.postMessage(report),
};

port.on('message', (task: Task) => {
  work(task).catch((thrown: unknown) => {
    // Out of the promise, so that the thread ends with this as its cause.
    setImmediate(() => {
      throw thrown;
    });
  });
});

function work(task: Task): Promise<void> {
  switch (task.kind) {
    case 'ask':
      return runTask(task, context);
    case 'configure':
      return runConfigure(task, context);
    case 'prepare':
      return runPrepare(task, context);
  }
}

// Once through everything that is slow for the first time, so that no service pays for it out of its deadline.
const emptyModule = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const nobody = new Uint8Array();
const warming = new Call({ limits: DEFAULT_LIMITS, settings: nobody, input: nobody, smtputf8: false });
await context.guests.runOnce(
  { service: DEFAULT_SERVICE, module: emptyModule },
  { exportName: 'none', call: warming },
);
decisionSchema.safeParse({});
context.report({ kind: 'ready' });
