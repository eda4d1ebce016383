import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { openDatabase } from './database.ts';
import type { FromThread, Request, ThreadOptions } from './protocol.ts';
import { turnsOf, wireError } from './turns.ts';

/** The store's thread: opens the database, says `ready` or `failed`, then takes its turns until it is told to close. */
const port = parentPort!;
const options: ThreadOptions = workerData;

try {
  const database = openDatabase(options);
  const turns = turnsOf(database, {
    ...options,
    say: (message, transfer) => port.postMessage(message, transfer),
    receiveMore() {
      const more: { message: readonly Request[] } | undefined = receiveMessageOnPort(port);
      return more?.message;
    },
    closed: () => port.close(),
  });
  port.on('message', turns.receive);
  port.postMessage({ kind: 'ready' } satisfies FromThread);
} catch (error) {
  port.postMessage({ kind: 'failed', error: wireError(error) } satisfies FromThread);
  port.close();
}
