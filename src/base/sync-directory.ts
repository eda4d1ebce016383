import { open } from 'node:fs/promises';

/** Waits until the names in a directory are on disk: a file that is synced may yet have none after a power cut. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
