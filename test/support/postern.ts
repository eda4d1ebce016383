import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The checkout. */
export const ROOT = join(import.meta.dirname, '..', '..');

/** A Postern of its own: the real program in a process of its own, on ports that the system chose. */
export interface Postern {
  readonly pid: number;
  /** Listener name → port. */
  readonly ports: Readonly<Record<string, number>>;
  readonly directory: string;
  /** Everything it has logged so far, one parsed JSON line each. */
  readonly log: readonly LogLine[];
  /** Standard output so far. */
  readonly output: () => string;
  /** Waits for a log line, at most 20 s. */
  waitForLog(matches: (line: LogLine) => boolean): Promise<LogLine>;
  /** Resolves with the exit code, null after a signal that was not handled. */
  readonly exited: Promise<number | null>;
  /** SIGTERM, and waits for the exit; the exit code. */
  stop(): Promise<number | null>;
  kill(signal: NodeJS.Signals): Promise<number | null>;
}

export interface LogLine extends Record<string, unknown> {
  readonly msg: string;
}

/** A directory that goes when the returned function is called. */
export function temporaryDirectory(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'postern-test-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/**
 * The config as an object becomes JSON, which is YAML too; a text stays as it is. What is filled in: `hostname`, `stateDir`, and the leave
 * to run plugins that nobody has signed, which is what tests are made of.
 */
export function configText(config: object | string): string {
  if (typeof config === 'string') return config;
  return JSON.stringify({
    hostname: 'gate.test',
    stateDir: './var',
    plugins: { allowUnsigned: true },
    ...config,
  });
}

/**
 * Starts `postern run` on a config (see `configText`). Resolves once it listens; rejects with what it printed if it ends
 * before.
 */
export async function startPostern(
  config: object | string,
  options: { directory: string; environment?: Record<string, string>; arguments?: readonly string[] },
): Promise<Postern> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'postern.yaml');
  writeFileSync(file, configText(config));
  const child = spawn(
    process.execPath,
    [join(ROOT, 'dist', 'main.js'), 'run', '-c', file, ...(options.arguments ?? [])],
    {
      cwd: directory,
      env: { ...process.env, ...options.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const log: LogLine[] = [];
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  onLines(child, (line) => {
    try {
      log.push(JSON.parse(line) as LogLine);
    } catch {
      errors += `${line}\n`;
    }
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const ended = { code: undefined as number | null | undefined };
  void exited.then((code) => (ended.code = code));

  const ports = await waitFor(() => {
    if (ended.code !== undefined) {
      throw new Error(
        `postern ended with ${ended.code}: ${errors}${log.map((line) => JSON.stringify(line)).join('\n')}`,
      );
    }
    return output.includes('Postern listens:') ? portsIn(output) : undefined;
  }).catch(async (error: unknown) => {
    await end(child, 'SIGKILL', exited);
    throw error;
  });
  return {
    pid: child.pid!,
    ports,
    directory,
    log,
    output: () => output,
    exited,
    waitForLog: (matches) => waitFor(() => log.find(matches)),
    stop: () => end(child, 'SIGTERM', exited),
    kill: (signal) => end(child, signal, exited),
  };
}

/** Asks until there is an answer, at most 20 s. */
export async function waitFor<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const until = Date.now() + 20_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > until) throw new Error(`nothing came in 20 s: ${look.toString()}`);
    await sleep(20);
  }
}

async function end(
  child: ChildProcess,
  signal: NodeJS.Signals,
  exited: Promise<number | null>,
): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  return exited;
}

function onLines(child: ChildProcess, take: (line: string) => void): void {
  let rest = '';
  child.stderr!.on('data', (chunk: Buffer) => {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') take(line);
  });
}

// `  smtp       127.0.0.1:2525        inbound, through → local`
function portsIn(output: string): Record<string, number> | undefined {
  const found = [...output.matchAll(/^ {2}\w+ +\S+:(\d+) +([\w-]+), (?:through|queue) /gm)];
  return found.length === 0
    ? undefined
    : Object.fromEntries(found.map(([, port, name]) => [name!, Number(port)]));
}
