import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './postern.ts';

export interface Ended {
  /** Null if it had to be ended after 20 s, or `seconds`. */
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

/** Runs `postern` with these words until it ends. */
export function command(
  words: readonly string[],
  options: {
    input?: string;
    cwd?: string;
    seconds?: number;
    environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, 'dist', 'main.js'), ...words], {
    timeout: (options.seconds ?? 20) * 1000,
    killSignal: 'SIGKILL',
    env: { ...process.env, ...options.environment },
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const out: Buffer[] = [];
  const errors: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  child.stdin.on('error', () => {});
  child.stdin.end(options.input ?? '');
  return new Promise((resolve) => {
    child.once('close', (code) => {
      resolve({ code, out: Buffer.concat(out).toString(), errors: Buffer.concat(errors).toString() });
    });
  });
}
