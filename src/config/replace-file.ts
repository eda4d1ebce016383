import { lstat, open, readFile, realpath, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describeError, OperationalError } from '../base/errors.ts';
import { syncDirectory } from '../base/sync-directory.ts';

/**
 * Puts a new text into the place of a config file in one step: whoever reads it, also after a power cut, finds the old text or the new
 * one. Links are followed; mode and owner stay. The draft beside it has a fixed name and so keeps a second change out.
 *
 * Throws an OperationalError: `config_busy` if another change is under way, `config_changed` if the file does not hold `before` any
 * more, `config_unwritable` for everything else that keeps it from being written. The file is as it was then.
 */
export async function replaceConfigFile(
  file: string,
  { before, after }: { before: Uint8Array; after: Uint8Array },
): Promise<void> {
  let draft: string | undefined;
  try {
    const path = await realpath(file);
    const handle = await openDraft(`${path}.draft`);
    draft = `${path}.draft`;
    try {
      if (!Buffer.from(before).equals(await readFile(path))) {
        const message = `Cannot change ${file}: it has been changed meanwhile; nothing was written, try again`;
        throw new OperationalError('config_changed', message);
      }
      await fill(handle, { path, content: after });
    } finally {
      await handle.close();
    }
    await rename(draft, path);
    draft = undefined;
    await syncDirectory(dirname(path));
  } catch (error) {
    if (error instanceof OperationalError) throw error;
    throw new OperationalError('config_unwritable', `Cannot write ${file}: ${describeError(error)}`);
  } finally {
    if (draft !== undefined) await rm(draft, { force: true }).catch(() => {});
  }
}

/** Throws `config_busy` if another change of the file is under way now, so that none need be prepared. */
export async function refuseBusy(file: string): Promise<void> {
  const draft = `${await realpath(file)}.draft`;
  if ((await lstat(draft).catch(() => undefined)) !== undefined) throw busy(draft);
}

async function openDraft(draft: string): Promise<FileHandle> {
  try {
    // For nobody else to read until it has the mode of the file: it may hold a secret.
    return await open(draft, 'wx', 0o600);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw busy(draft);
  }
}

const busy = (draft: string): OperationalError =>
  new OperationalError(
    'config_busy',
    `Cannot change the config: ${draft} is there, so another change is under way; if none is, one was cut short: remove it`,
  );

async function fill(handle: FileHandle, { path, content }: { path: string; content: Uint8Array }) {
  const old = await stat(path);
  const own = await handle.stat();
  await handle.writeFile(content);
  // The owner first: changing it takes set-user-id bits away.
  if (own.uid !== old.uid || own.gid !== old.gid) await handle.chown(old.uid, old.gid);
  await handle.chmod(old.mode & 0o7777);
  await handle.sync();
}
