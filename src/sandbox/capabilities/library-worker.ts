import { parentPort } from 'node:worker_threads';
import { describeError } from '../../base/errors.ts';
import { LIBRARY_TASKS, type LibraryAnswer, type LibraryCall, type LibraryTask } from './library-tasks.ts';

/** A thread of `library-threads.ts`: one task, one answer, until it is ended from outside. */
const tasks: ReadonlyMap<string, () => Promise<LibraryTask>> = new Map(Object.entries(LIBRARY_TASKS));

async function answer({ task, input }: LibraryCall): Promise<LibraryAnswer> {
  try {
    const run = await tasks.get(task)!();
    return { output: await run(input) };
  } catch (thrown) {
    return { fault: describeError(thrown) };
  }
}

parentPort!.on('message', (call: LibraryCall) => {
  void answer(call).then((said) => {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this port is between threads
    parentPort!.postMessage(said);
  });
});
