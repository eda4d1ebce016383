import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { describeError, OperationalError } from '../base/errors.ts';

/** What registries are logged in to with, where `docker login` and its like keep it. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

const fileSchema = z.object({
  auths: z.record(z.string(), z.object({ auth: z.string().optional() })).default({}),
});

/**
 * Those for a registry, from `config.json` in `$DOCKER_CONFIG` or in `~/.docker`; undefined where there are none. Helper programs, which such
 * a file may name, are not run. Throws an OperationalError of code `package_source` for a file that can't be read.
 */
export async function credentialsFor(registry: string): Promise<Credentials | undefined> {
  const path = join(process.env['DOCKER_CONFIG'] ?? join(homedir(), '.docker'), 'config.json');
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw unreadable(path, describeError(error));
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The message would show a piece of the file.
    throw unreadable(path, 'it is not JSON');
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) throw unreadable(path, 'its "auths" are not what docker login writes');
  const found = Object.entries(parsed.data.auths).find(([name]) => hostOf(name) === registry);
  const plain = Buffer.from(found?.[1].auth ?? '', 'base64').toString();
  const colon = plain.indexOf(':');
  return colon < 0 ? undefined : { user: plain.slice(0, colon), password: plain.slice(colon + 1) };
}

/** An entry's name is a host with its port, or a URL of it. */
const hostOf = (name: string): string => name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');

const unreadable = (path: string, why: string): OperationalError =>
  new OperationalError('package_source', `Cannot read the credentials of registries in ${path}: ${why}`);
