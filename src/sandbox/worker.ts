import { workerData } from 'node:worker_threads';
import { GuestRunner } from './guest.ts';
import { Progress } from './progress.ts';
import { runConfigure, runTask, type TaskContext } from './task-runner.ts';
import type { Report, Task, WorkerSetup } from './wire.ts';

/**
 * The entry of a worker thread (`thread.ts` starts it). It takes one task at a time and says what comes of it; the pool sends the
 * next only when all of that has been said. An exception here is a bug and ends the thread, which the pool survives.
 */
const setup: WorkerSetup = workerData;
const { port, progress, services } = setup;

const context: TaskContext = {
  services: new Map(services.map((loaded) => [loaded.service.name, loaded])),
  guests: new GuestRunner(),
  progress: new Progress(progress),
  report: (report: Report) => port.postMessage(report),
};

port.on('message', (task: Task) => {
  const run = task.kind === 'ask' ? runTask(task, context) : runConfigure(task, context);
  run.catch((thrown: unknown) => {
    // Out of the promise, so that the thread ends with this as its cause.
    setImmediate(() => {
      throw thrown;
    });
  });
});
context.report({ kind: 'ready' });
