import { parentPort } from 'node:worker_threads';
import { describeError } from '../../base/errors.ts';
import {
  LIBRARY_TASKS,
  type LibraryAnswer,
  type LibraryCall,
  type LibraryTasks,
  type TaskName,
} from './library-tasks.ts';

/** A thread of `library-threads.ts`: one task, one answer, until it is ended from outside. */
const tasks: LibraryTasks = LIBRARY_TASKS;

async function answer<Name extends TaskName>({
  task,
  input,
}: LibraryCall<Name>): Promise<LibraryAnswer<Name>> {
  try {
    const run = await tasks[task]();
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
