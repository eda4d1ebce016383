import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config, ListenerConfig } from '../config/config.ts';
import { selfSigned, type TlsIdentity } from '../smtp/tls.ts';

/** What lies under `stateDir`: `postern.db`, `served`, `spool/`, `tls/`. */
export const storePath = ({ stateDir }: Config): string => join(stateDir, 'postern.db');

/** See delivery/served-notes.ts. */
export const notesPath = ({ stateDir }: Config): string => join(stateDir, 'served');

export const spoolDirectory = (stateDir: string): string => join(stateDir, 'spool');

/** Makes the directories. */
export async function prepareState({ stateDir }: Config): Promise<void> {
  const spool = spoolDirectory(stateDir);
  await mkdir(spool, { recursive: true, mode: 0o700 });
}

/** What a crash left in the spool was never promised to anybody, so it goes. Only before the first listener is up. */
export async function emptySpool({ stateDir }: Config): Promise<void> {
  const spool = spoolDirectory(stateDir);
  for (const name of await readdir(spool)) await rm(join(spool, name), { force: true });
}

/** The listener's own key and certificate, or one made on first start and kept. */
export async function identityOf(
  { tls }: ListenerConfig,
  { stateDir, hostname }: { stateDir: string; hostname: string },
): Promise<TlsIdentity> {
  if (tls !== undefined)
    return { key: await readFile(tls.key, 'utf8'), cert: await readFile(tls.cert, 'utf8') };
  const directory = join(stateDir, 'tls');
  const files = {
    key: join(directory, `${hostname}.key.pem`),
    cert: join(directory, `${hostname}.cert.pem`),
  };
  try {
    return { key: await readFile(files.key, 'utf8'), cert: await readFile(files.cert, 'utf8') };
  } catch {
    const made = await selfSigned(hostname);
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(files.key, made.key, { mode: 0o600 });
    await writeFile(files.cert, made.cert, { mode: 0o600 });
    return made;
  }
}
