import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { syncsPerSecond } from './disk.ts';
import { drive, MESSAGE_OCTETS, SESSIONS, Sink, type Run } from './load.ts';
import { ROOT, startPostern } from './postern.ts';
import { isInstalled, lackForPostfix, POSTFIX_SYSTEMS, startPostfix } from './postfix.ts';
import type { Running } from './processes.ts';
import { printRatios, printTable, printThreads } from './report.ts';
import type { System } from './system.ts';

/**
 * `npm run bench`: Postern beside Postfix on this machine, in one run. README.md says what is measured and how.
 *
 *   --rounds N    of all systems, one after another (default 5); the medians are printed
 *   --scale X     as many messages in a run (default 1)
 *   --only TEXT   only systems with this text in their names
 *   --profile DIR write CPU profiles of Postern's threads there, for Chrome's developer tools; the figures are worse for it
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    profile: { type: 'string' },
  },
});
const [rounds, scale] = [Number(values.rounds), Number(values.scale)];

/** A server runs for months: its compilers are given time to be done. Each thread compiles for itself. */
const WARM_UP_MESSAGES = 10_000;

if (!isInstalled('smtp-source')) {
  console.error(
    "Cannot measure: smtp-source and smtp-sink are not installed, they are in Debian's package postfix",
  );
  process.exit(1);
}
// By convention on a disk, which /tmp need not be.
const directory = mkdtempSync('/var/tmp/postern-bench-');
chmodSync(directory, 0o755); // Postfix's processes give up root
const running: Pick<Running, 'stop'>[] = [];
const cleanUp = async (): Promise<void> => {
  await Promise.allSettled(running.map((each) => each.stop()));
  rmSync(directory, { recursive: true, force: true });
};
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void cleanUp().finally(() => process.exit(1)));
}
try {
  const syncs = syncsPerSecond(directory);
  const { sink, systems } = await startAll();
  const runs = new Map(systems.map((system) => [system, [] as Run[]]));
  for (const system of systems) {
    process.stderr.write(`warming up: ${system.name}\n`);
    await drive(system, { sink, messages: Math.min(WARM_UP_MESSAGES, system.messages) });
  }
  for (let round = 1; round <= rounds; round++) {
    for (const system of systems) {
      const run = await drive(system, { sink, messages: Math.round(system.messages * scale) });
      process.stderr.write(`round ${round}: ${system.name}: ${Math.round(run.perSecond)} messages/s\n`);
      runs.get(system)!.push(run);
    }
  }
  console.log(`\n${MESSAGE_OCTETS} octets, ${SESSIONS} kept sessions, medians of ${rounds} rounds`);
  console.log(
    `${availableParallelism()} × ${cpus()[0]?.model.trim()}, ${Math.round(syncs)} synced writes/s one by one, load before: ${loadavg()[0]?.toFixed(1)}\n`,
  );
  printTable(runs);
  printRatios(runs);
  printThreads(runs);
} finally {
  await cleanUp();
}

async function startAll(): Promise<{ sink: Sink; systems: System[] }> {
  const wanted = (name: string): boolean => name.toLowerCase().includes(values.only.toLowerCase());
  const sink = await Sink.start(directory);
  running.push(sink);
  const plugin = join(directory, 'bench.wasm');
  const compiler = join(ROOT, 'sdk', 'assemblyscript', 'build.mjs');
  execFileSync(process.execPath, [compiler, join(ROOT, 'bench', 'plugin', 'index.ts'), plugin]);

  const systems: System[] = [];
  for (const [mode, messages] of [
    ['queue', 8000],
    ['through', 12_000],
  ] as const) {
    if (!wanted(`Postern, ${mode}`)) continue;
    const postern = await startPostern({
      mode,
      messages,
      directory,
      plugin,
      sinkPort: sink.port,
      profile: values.profile,
    });
    running.push(postern.running);
    systems.push(postern.system);
  }
  if (!Object.values(POSTFIX_SYSTEMS).some(wanted)) return { sink, systems };
  const lack = lackForPostfix();
  if (lack !== undefined) {
    console.log(`Postfix is left out: ${lack}`);
    return { sink, systems };
  }
  const postfix = await startPostfix({
    messages: { queue: 4000, proxy: 12_000 },
    directory,
    sinkPort: sink.port,
  });
  running.push(...postfix.running);
  systems.push(...postfix.systems.filter(({ name }) => wanted(name)));
  return { sink, systems };
}
