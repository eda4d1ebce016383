import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../support/free-port.ts';
import { waitFor } from '../support/postern.ts';

/** Debian's docker-registry, if it is installed. */
const REGISTRY = '/usr/bin/docker-registry';

/** Why tests with a registry can't run here, for their name; '' if they can. Where it is required, that is an error. */
export function lacksRegistry(): string {
  if (existsSync(REGISTRY)) return '';
  if (process.env['POSTERN_REQUIRE_SERVERS'])
    throw new Error('Cannot test with a registry: docker-registry is not installed');
  return ' (skipped: needs docker-registry)';
}

/** A registry of its own on a port of its own. */
export interface RegistryServer {
  /** Host and port. */
  readonly name: string;
  /** The file of a blob that it keeps. */
  blob(digest: string): string;
  stop(): Promise<void>;
}

/** Starts it. `auth` is the section of that name of its config, as JSON. */
export async function startRegistry(directory: string, auth?: object): Promise<RegistryServer> {
  mkdirSync(directory, { recursive: true });
  const port = await freePort();
  const data = join(directory, 'data');
  const config = {
    version: 0.1,
    log: { level: 'error' },
    storage: { filesystem: { rootdirectory: data } },
    http: { addr: `127.0.0.1:${port}` },
    ...(auth && { auth }),
  };
  const file = join(directory, 'registry.yaml');
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(REGISTRY, ['serve', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const stop = (): Promise<void> => end(child);
  await waitFor(async () => {
    if (child.exitCode !== null) throw new Error(`docker-registry ended: ${errors}`);
    const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
    return answer === undefined ? undefined : true;
  }).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return {
    name: `127.0.0.1:${port}`,
    blob: (digest) => {
      const hex = digest.slice('sha256:'.length);
      const folder = join(data, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex);
      return join(folder, readdirSync(folder)[0]!);
    },
    stop,
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await exited;
}
