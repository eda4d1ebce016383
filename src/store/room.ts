import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { OperationalError } from '../base/errors.ts';

/**
 * Keeps some of the file system free. On a disk that is full to the last block SQLite can't even delete, so a queue that
 * filled it could never be emptied; new mail is therefore refused while there is still room to take old mail out.
 */
export interface Room {
  /** Why nothing can be added now; undefined if it can. */
  lack(): OperationalError | undefined;
}

export function roomIn(path: string, { reserve }: { reserve: number }): Room {
  const directory = dirname(path);
  return {
    lack() {
      const { blocks, bavail, bsize } = statfsSync(directory);
      if (blocks === 0 || bavail * bsize >= reserve) return undefined; // no blocks: the file system doesn't say
      const free = `${toMiB(bavail * bsize)} MiB are free in ${directory}`;
      return new OperationalError(
        'store_unavailable',
        `Cannot add to the store: ${free}, ${toMiB(reserve)} MiB are kept for emptying the queue`,
      );
    },
  };
}

const toMiB = (octets: number): number => Math.floor(octets / (1024 * 1024));
