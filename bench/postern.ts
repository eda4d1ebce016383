import { openSync, readFileSync, writeFileSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { start, until, type Running } from './processes.ts';
import type { System } from './system.ts';

/** The checkout; this file runs from `bench/dist/`. */
export const ROOT = join(import.meta.dirname, '..', '..');

/** Starts the real program as `npm run build` left it, with one listener in this mode and the plugin as its filter. */
export async function startPostern(options: {
  mode: 'queue' | 'through';
  messages: number;
  directory: string;
  plugin: string;
  sinkPort: number;
  /** Where to write a CPU profile of each thread when it ends. */
  profile: string | undefined;
}): Promise<{ system: System; running: Running }> {
  const { mode, messages, plugin, sinkPort, profile } = options;
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${resolve(profile, mode)}`];
  const directory = join(options.directory, `postern-${mode}`);
  mkdirSync(directory);
  const listener = { protocol: 'smtp', address: '127.0.0.1', port: 0, domains: ['example.com'] };
  const config = {
    hostname: 'gate.test',
    stateDir: './state',
    listeners: { in: { ...listener, downstream: 'sink', mode, group: 'all' } },
    downstreams: { sink: { protocol: 'smtp', host: '127.0.0.1', port: sinkPort } },
    services: { bench: { plugin, allowModify: true } },
    groups: { all: ['bench'] },
    plugins: { allowUnsigned: true },
  };
  const file = join(directory, 'postern.yaml');
  writeFileSync(file, JSON.stringify(config));
  const said = join(directory, 'output');
  const stdio = ['ignore', openSync(said, 'a'), openSync(join(directory, 'log'), 'a')] as const;
  const running = start(process.execPath, [...profiling, join(ROOT, 'dist', 'main.js'), 'run', '-c', file], {
    stdio: [...stdio],
    cwd: directory,
  });
  const port = await until(() => /127\.0\.0\.1:(\d+) +in,/.exec(readFileSync(said, 'utf8'))?.[1], {
    ms: 20_000,
    what: `the start of Postern; see ${directory}`,
  });
  const system = { name: `Postern, ${mode}`, port: Number(port), roots: [running.pid], messages };
  return { system, running };
}
