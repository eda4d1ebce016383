import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that the benchmark started. It is ended by its own process id. */
export interface Running {
  readonly pid: number;
  readonly ended: Promise<void>;
  /** SIGTERM, then SIGKILL if it takes longer than 10 s. */
  stop(): Promise<void>;
}

export function start(
  command: string,
  words: readonly string[],
  options: { stdio: StdioOptions; cwd?: string },
): Running {
  const child = spawn(command, words, options);
  const exited = new Promise<void>((resolve, reject) => {
    child.once('exit', () => resolve());
    child.once('error', reject);
  });
  return { pid: child.pid!, ended: exited, stop: () => end(child, exited) };
}

async function end(child: ChildProcess, exited: Promise<void>): Promise<void> {
  const killing = setTimeout(() => child.kill('SIGKILL'), 10_000);
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  await exited;
  clearTimeout(killing);
}

export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Asks until the answer is not undefined. */
export async function until<T>(look: () => T | undefined, options: { ms: number; what: string }): Promise<T> {
  for (const end = Date.now() + options.ms; Date.now() < end; await sleep(10)) {
    const found = look();
    if (found !== undefined) return found;
  }
  throw new Error(`Cannot go on: ${options.what} took longer than ${options.ms} ms`);
}

interface Stat {
  readonly pid: number;
  readonly parent: number;
  /** Own and of children that have ended. */
  readonly seconds: number;
}

const TICKS = 100; // a second: USER_HZ, the same on every Linux

/** CPU seconds, user and system, of these processes and all below them, ended ones included. */
export function cpuSeconds(roots: readonly number[]): number {
  return tree(roots).reduce((sum, { seconds }) => sum + seconds, 0);
}

/** CPU seconds of each thread of one process, the main thread first. */
export function threadSeconds(pid: number): Map<number, number> {
  const threads = new Map<number, number>();
  for (const name of list(`/proc/${pid}/task`)) {
    const fields = statFields(`/proc/${pid}/task/${name}/stat`);
    if (fields !== undefined) threads.set(Number(name), (Number(fields[11]) + Number(fields[12])) / TICKS);
  }
  // Numbers may have begun anew since the main thread got its own.
  const main = threads.get(pid) ?? 0;
  threads.delete(pid);
  return new Map([[pid, main], ...threads]);
}

/**
 * MiB of memory of these processes and all below them, as they are now: the sum of their proportional set sizes, so that
 * what processes share (most of Postfix's are one program) counts once.
 */
export function memoryMiB(roots: readonly number[]): number {
  let kilobytes = 0;
  for (const { pid } of tree(roots)) {
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
  }
  return kilobytes / 1024;
}

function tree(roots: readonly number[]): Stat[] {
  const children = new Map<number, Stat[]>();
  const all = new Map<number, Stat>();
  for (const name of list('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const fields = statFields(`/proc/${name}/stat`);
    if (fields === undefined) continue;
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    const stat = { pid: Number(name), parent: Number(fields[1]), seconds: ticks / TICKS };
    all.set(stat.pid, stat);
    children.set(stat.parent, [...(children.get(stat.parent) ?? []), stat]);
  }
  const found: Stat[] = roots.map((pid) => all.get(pid)).filter((stat) => stat !== undefined);
  for (const { pid } of found) found.push(...(children.get(pid) ?? []));
  return found;
}

/** What follows the command's name in a `stat` file of /proc: state, parent …; undefined if the process is gone. */
function statFields(path: string): string[] | undefined {
  const text = read(path);
  return text === '' ? undefined : text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function list(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it has ended
  }
}
