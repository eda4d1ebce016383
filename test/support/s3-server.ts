import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { amzDate, authorization } from '../../src/store/s3-signature.ts';
import { freePort } from './free-port.ts';

/** OpenStack Swift on loopback with its S3 API, and one bucket. What it keeps is in its memory. End it. */
export interface S3Server {
  readonly origin: string;
  readonly port: number;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretKeyFile: string;
  /** The names of all objects in the bucket. */
  objects(): Promise<string[]>;
  /** An object without an owner. */
  add(key: string): Promise<void>;
  /** It takes connections and says nothing. */
  pause(): void;
  resume(): void;
  end(): Promise<void>;
}

const PROGRAM = fileURLToPath(new URL('s3-server.py', import.meta.url));
const START_MS = 30_000;
const KEY = { accessKeyId: 'test:tester', secret: 'testing-8372', region: 'us-east-1', service: 's3' };
const BUCKET = 'mail-files';

/** Why tests with it are skipped, to be added to their names, or ''. Throws where that is not allowed. */
export function lacksS3Server(): string {
  if (existsSync('/usr/lib/python3/dist-packages/swift/common/middleware/s3api')) return '';
  const reason = "needs Debian's python3-swift";
  if (process.env['POSTERN_REQUIRE_SERVERS']) throw new Error(`Cannot test with other servers: ${reason}`);
  return ` (skipped: ${reason})`;
}

export async function startS3Server(): Promise<S3Server> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-s3-'));
  const port = await freePort();
  const secretKeyFile = join(directory, 'secret');
  writeFileSync(secretKeyFile, `${KEY.secret}\n`);
  const child = spawn('/usr/bin/python3', [PROGRAM, directory, String(port), KEY.secret], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  let said = '';
  const started = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`Swift ended with ${code}: ${said}`)));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('ready')) resolve();
      });
    }
    setTimeout(() => reject(new Error(`Swift did not start: ${said}`)), START_MS).unref();
  });
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await exited;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  const origin = `http://127.0.0.1:${port}`;

  async function ask(method: string, path: string): Promise<string> {
    const now = Date.now();
    const payload = createHash('sha256').digest('hex');
    const signed = {
      host: `127.0.0.1:${port}`,
      'x-amz-content-sha256': payload,
      'x-amz-date': amzDate(now),
    };
    const unsigned = { method, path, query: {}, headers: signed, payload, now };
    const headers = { ...signed, authorization: authorization(unsigned, KEY) };
    const response = await fetch(`${origin}${path}`, { method, headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text;
  }

  try {
    await started;
    await ask('PUT', `/${BUCKET}`);
  } catch (thrown) {
    await end();
    throw thrown;
  }
  return {
    origin,
    port,
    bucket: BUCKET,
    accessKeyId: KEY.accessKeyId,
    secretKeyFile,
    async objects() {
      return [...(await ask('GET', `/${BUCKET}`)).matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key!);
    },
    async add(key) {
      await ask('PUT', `/${BUCKET}/${key}`);
    },
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    end,
  };
}
