import { stat } from 'node:fs/promises';
import type { Directory } from '../../ocp/capability.ts';
import type { Table } from './directory.ts';
import type { LibraryThreads } from './library-threads.ts';

type FileDirectory = Extract<Directory, { type: 'csv' | 'sqlite' }>;

/** A table in a file. It is read in a thread, since neither a large file nor a query without an index may hold the event loop. */
export function fileTable(directory: FileDirectory, threads: LibraryThreads): Table {
  return {
    async find(key, { signal }) {
      const { mtimeMs, size, ino } = await stat(directory.file);
      const input = { directory, key, version: `${mtimeMs} ${size} ${ino}` };
      const answer = await threads.run({ task: 'table', input }, { signal });
      return 'fault' in answer ? { kind: 'failed', cause: answer.fault } : answer.output;
    },
    close() {},
  };
}
