import { closeSync, fdatasyncSync, openSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const TMPFS = 0x01021994;

/** Small durable writes that the disk takes one after another in a second; throws where a directory is in memory. */
export function syncsPerSecond(directory: string): number {
  if (statfsSync(directory).type === TMPFS)
    throw new Error(`Cannot measure in ${directory}: it is in memory`);
  const file = openSync(join(directory, 'sync'), 'w');
  const octets = Buffer.alloc(4096, 'x');
  const startedAt = performance.now();
  let count = 0;
  for (; performance.now() - startedAt < 500; count++) {
    writeSync(file, octets);
    fdatasyncSync(file);
  }
  closeSync(file);
  return (count * 1000) / (performance.now() - startedAt);
}
