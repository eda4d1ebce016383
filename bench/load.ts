import { spawn } from 'node:child_process';
import { closeSync, fstatSync, ftruncateSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, freePort, memoryMiB, start, threadSeconds, until, type Running } from './processes.ts';
import type { System } from './system.ts';

export const SESSIONS = 20;
export const MESSAGE_OCTETS = 4096;

/** Where all mail goes: Postfix's `smtp-sink`, which counts what it gets. */
export class Sink {
  readonly port: number;
  readonly #server: Running;
  readonly #counters: number;

  private constructor(port: number, parts: { server: Running; counters: number }) {
    this.port = port;
    this.#server = parts.server;
    this.#counters = parts.counters;
  }

  static async start(directory: string): Promise<Sink> {
    const port = await freePort();
    const counters = openSync(join(directory, 'sink.counters'), 'a+');
    // Started by root it would not run without a user to run as.
    const user = process.getuid?.() === 0 ? ['-u', 'root'] : [];
    const server = start('smtp-sink', ['-c', ...user, `127.0.0.1:${port}`, '1000'], {
      stdio: ['ignore', counters, 'ignore'],
    });
    return new Sink(port, { server, counters });
  }

  /** Messages so far. */
  get messages(): number {
    const { size } = fstatSync(this.#counters);
    const tail = Buffer.alloc(Math.min(size, 200));
    readSync(this.#counters, tail, 0, tail.length, size - tail.length);
    return Number([...tail.toString('latin1').matchAll(/mesg=(\d+)\s/g)].at(-1)?.[1] ?? 0);
  }

  /** The file of counters grows with every message. */
  tidy(): void {
    ftruncateSync(this.#counters, 0);
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    closeSync(this.#counters);
  }
}

/** What one run of one system came to. */
export interface Run {
  readonly perSecond: number;
  readonly cpuPerThousand: number;
  readonly memoryMiB: number;
  /** Share of the time in which each thread of its first process ran, the main thread first. */
  readonly threads: readonly number[];
}

/**
 * Sends `messages` through a system over kept sessions, and waits until the last has come to the sink. That is the time that
 * counts: a queue that only grows is not fast.
 */
export async function drive(system: System, options: { sink: Sink; messages: number }): Promise<Run> {
  const { sink, messages } = options;
  const { roots } = system;
  const before = sink.messages;
  sink.tidy();
  const cpuBefore = cpuSeconds(roots);
  const threadsBefore = threadSeconds(roots[0]!);
  const startedAt = performance.now();

  let peak = 0;
  const source = send(system.port, messages);
  const sampling = { on: true };
  const samples = (async () => {
    for (; sampling.on; await sleep(1000)) peak = Math.max(peak, memoryMiB(roots));
  })();
  await source;
  await until(() => (sink.messages - before >= messages ? true : undefined), {
    ms: 60_000,
    what: `${system.name}: the delivery of ${messages} messages`,
  });
  const seconds = (performance.now() - startedAt) / 1000;
  sampling.on = false;
  const threads = [...threadSeconds(roots[0]!)].map(
    ([id, total]) => (total - (threadsBefore.get(id) ?? 0)) / seconds,
  );
  const cpu = cpuSeconds(roots) - cpuBefore;
  peak = Math.max(peak, memoryMiB(roots));
  await samples;
  return {
    perSecond: messages / seconds,
    cpuPerThousand: (cpu / messages) * 1000,
    memoryMiB: peak,
    threads,
  };
}

/** Postfix's `smtp-source`: every session sends a message after another, and is kept. */
function send(port: number, messages: number): Promise<void> {
  const words = ['-d', '-s', SESSIONS, '-m', messages, '-l', MESSAGE_OCTETS, '-f', 'from@example.net'];
  const child = spawn('smtp-source', [...words, '-t', 'to@example.com', `127.0.0.1:${port}`].map(String), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`smtp-source ended with ${code}: ${errors.slice(0, 500)}`));
    });
  });
}
