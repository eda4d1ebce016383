import { access, constants, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { socketPathProblem } from '../admin/control.ts';
import { describeError } from '../base/errors.ts';
import type { Config, ListenerConfig } from '../config/config.ts';
import { selfSigned, type TlsIdentity } from '../smtp/tls.ts';
import { CommandError, EXIT } from './exit.ts';

/** What lies under `stateDir`: `postern.db`, `served`, `control.sock`, `spool/`, `blobs/`, `tls/`, `packages/`. */
export const storePath = ({ stateDir }: Config): string => join(stateDir, 'postern.db');

/** See delivery/served-notes.ts. */
export const notesPath = ({ stateDir }: Config): string => join(stateDir, 'served');

/** See admin/control.ts. */
export const controlPath = ({ stateDir }: Pick<Config, 'stateDir'>): string => join(stateDir, 'control.sock');

export const spoolDirectory = (stateDir: string): string => join(stateDir, 'spool');

/** See store/blob-files.ts. */
export const blobsDirectory = ({ stateDir }: Config): string => join(stateDir, 'blobs');

/** See sandbox/package-store.ts. */
export const packagesDirectory = ({ stateDir }: Config): string => join(stateDir, 'packages');

/** Makes the directories. Throws a CommandError if it can't. */
export async function prepareState({ stateDir }: Config): Promise<void> {
  const tooLong = lengthProblem(stateDir);
  if (tooLong !== undefined) throw new CommandError(EXIT.usage, tooLong);
  try {
    await mkdir(spoolDirectory(stateDir), { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new CommandError(EXIT.failed, unusable(stateDir, error));
  }
}

/** Why this user can't write to the state directory, or make it; undefined if nothing speaks against it. Makes nothing. */
export async function stateProblem({ stateDir }: Config): Promise<string | undefined> {
  const tooLong = lengthProblem(stateDir);
  if (tooLong !== undefined) return tooLong;
  for (let place = stateDir; ; place = dirname(place)) {
    try {
      await access(place, constants.W_OK | constants.X_OK);
      return undefined;
    } catch (error) {
      const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
      if (!missing || place === dirname(place)) return unusable(stateDir, error);
    }
  }
}

function lengthProblem(stateDir: string): string | undefined {
  const problem = socketPathProblem(controlPath({ stateDir }));
  return problem && `${unusable(stateDir, problem)}; choose a shorter one, or a symbolic link to it`;
}

const unusable = (stateDir: string, error: unknown): string =>
  `Cannot use the state directory ${stateDir}: ${describeError(error)}`;

/** What a crash left in the spool was never promised to anybody, so it goes. Only before the first listener is up. */
export async function emptySpool({ stateDir }: Config): Promise<void> {
  const spool = spoolDirectory(stateDir);
  for (const name of await readdir(spool)) await rm(join(spool, name), { force: true });
}

export const pemOf = async ({ key, cert }: TlsIdentity): Promise<TlsIdentity> => ({
  key: await readFile(key, 'utf8'),
  cert: await readFile(cert, 'utf8'),
});

/** The listener's own key and certificate, or one made on first start and kept. */
export async function identityOf(
  { tls }: ListenerConfig,
  { stateDir, hostname }: { stateDir: string; hostname: string },
): Promise<TlsIdentity> {
  if (tls !== undefined) return pemOf(tls);
  const directory = join(stateDir, 'tls');
  const files = {
    key: join(directory, `${hostname}.key.pem`),
    cert: join(directory, `${hostname}.cert.pem`),
  };
  try {
    return await pemOf(files);
  } catch {
    const made = await selfSigned(hostname);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(files.key, made.key, { mode: 0o600 });
    await writeFile(files.cert, made.cert, { mode: 0o600 });
    return made;
  }
}
