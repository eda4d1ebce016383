import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { OperationalError, describeError } from '../base/errors.ts';
import { syncDirectory } from '../base/sync-directory.ts';

/**
 * Files that are whole or absent whenever another process looks, also after a power cut: written under another name, synced, and then
 * given theirs in one step. Errors are OperationalErrors of code `package_store`.
 */

/** Writes a file in the place of any that is there. */
export async function replaceFile(path: string, content: Uint8Array): Promise<void> {
  await write(path, { content, place: (draft) => rename(draft, path) });
}

/** Writes a file where there is none. False, and nothing is changed, if there is one. */
export async function createFile(path: string, content: Uint8Array): Promise<boolean> {
  return write(path, {
    content,
    place: async (draft) => {
      // Other than rename, link leaves what is there alone.
      await link(draft, path);
      await rm(draft);
    },
  });
}

/** The octets of a file; undefined if there is none. */
export async function readIfThere(path: string, mostOctets: number): Promise<Uint8Array | undefined> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > mostOctets) throw new Error(`it has ${size} octets, at most ${mostOctets} are allowed`);
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw failure('read', path, error);
  }
}

/** What a directory holds, drafts of files apart; nothing if it is not there. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).filter((name) => !name.startsWith('.'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return [];
    throw failure('read', directory, error);
  }
}

/** False if there is a file of this name. */
async function write(
  path: string,
  options: { content: Uint8Array; place: (draft: string) => Promise<void> },
): Promise<boolean> {
  const directory = dirname(path);
  const draft = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    await makeDirectory(directory);
    const file = await open(draft, 'wx', 0o644);
    try {
      // Whatever the umask: the server may be another user than who installs.
      await file.chmod(0o644);
      await file.writeFile(options.content);
      await file.sync();
    } finally {
      await file.close();
    }
    await options.place(draft);
    await syncDirectory(directory);
    return true;
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    if (codeOf(error) === 'EEXIST') return false;
    throw failure('write', path, error);
  }
}

/** Makes a directory that all may read. Those that are there stay as they are. */
async function makeDirectory(directory: string): Promise<void> {
  const parent = dirname(directory);
  try {
    await mkdir(directory);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    if (codeOf(error) !== 'ENOENT' || parent === directory) throw error;
    await makeDirectory(parent);
    return makeDirectory(directory);
  }
  // By the call of its own: what mkdir is told goes through the umask.
  await chmod(directory, 0o755);
  await syncDirectory(parent);
}

const failure = (what: string, path: string, cause: unknown): OperationalError =>
  new OperationalError('package_store', `Cannot ${what} ${path}: ${describeError(cause)}`);

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
}
