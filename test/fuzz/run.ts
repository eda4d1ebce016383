import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { FUZZ_FOLDER } from './files.ts';
import type { FuzzOptions, Report, WorkerData } from './messages.ts';
import { Progress } from './progress.ts';

/** An input that takes longer than this hangs. Seconds; the slowest real ones take milliseconds. */
const PATIENCE = 20;
export const WORKER = join(FUZZ_FOLDER, 'dist', 'test', 'fuzz', 'worker.js');
const HEAP_MB = 512;

/**
 * Runs one target in a thread, and ends the thread if it gets nowhere. A thread that hangs, runs out of memory, or ends by an exception
 * that nobody caught is a failure with the input that it was at. The code is that in dist/: `npm run build:fuzz`.
 */
export function fuzz(target: string, options: FuzzOptions): Promise<Report> {
  const progress = new Progress();
  const workerData: WorkerData = { ...options, target, shared: progress.shared };
  return new Promise((resolve) => {
    const worker = new Worker(WORKER, { workerData, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
    let last = -1;
    let since = Date.now();
    const watch = setInterval(() => {
      const { step } = progress;
      if (step !== last) [last, since] = [step, Date.now()];
      else if (Date.now() - since > PATIENCE * 1000) dead('nothing hangs', `no end within ${PATIENCE} s`);
    }, 200);
    const end = (report: Report): void => {
      clearInterval(watch);
      worker.removeAllListeners();
      void worker.terminate().then(() => resolve(report));
    };
    const dead = (property: string, message: string): void => {
      const { octets } = progress;
      end({ failure: { property, message, octets, seed: options.seed } });
    };
    worker.once('message', end);
    worker.once('error', (error: Error) => dead('nothing ends the thread', error.stack ?? error.message));
    worker.once('exit', (code) => dead('nothing ends the thread', `it ended with exit code ${code}`));
  });
}
