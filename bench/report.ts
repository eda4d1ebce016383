import type { Run } from './load.ts';
import { POSTFIX_SYSTEMS } from './postfix.ts';
import type { System } from './system.ts';

type Runs = ReadonlyMap<System, readonly Run[]>;

export function printTable(runs: Runs): void {
  console.log(`${''.padEnd(30)} ${columns(['messages/s', 'from–to', 'CPU s/1000', 'peak MiB'])}`);
  for (const [{ name }, all] of runs) {
    const rates = all.map(({ perSecond }) => perSecond);
    const range = `${Math.round(Math.min(...rates))}–${Math.round(Math.max(...rates))}`;
    const cpu = median(all.map(({ cpuPerThousand }) => cpuPerThousand)).toFixed(2);
    const memory = Math.round(Math.max(...all.map(({ memoryMiB }) => memoryMiB)));
    console.log(`${name.padEnd(30)} ${columns([Math.round(median(rates)), range, cpu, memory])}`);
  }
}

/** What the project aims at: queue 2 × Postfix with the milter, through 1 × Postfix's proxy. */
export function printRatios(runs: Runs): void {
  console.log();
  for (const [own, other, aim] of [
    ['Postern, queue', POSTFIX_SYSTEMS.milter, 2],
    ['Postern, queue', POSTFIX_SYSTEMS.queue, undefined],
    ['Postern, through', POSTFIX_SYSTEMS.proxy, 1],
  ] as const) {
    const [mine, theirs] = [own, other].map(
      (name) => [...runs].find(([system]) => system.name === name)?.[1],
    );
    if (mine === undefined || theirs === undefined) continue;
    // Of each round, since what else the machine did in it was much the same for both.
    const ratio = median(mine.map(({ perSecond }, at) => perSecond / theirs[at]!.perSecond));
    const aimed = aim === undefined ? '' : `, aim: at least ${aim}`;
    console.log(`${own} ÷ ${other}: ${ratio.toFixed(2)}${aimed}`);
  }
}

/** Where Postern's limit is: a thread that runs all the time, or none, and then the disk or the other programs. */
export function printThreads(runs: Runs): void {
  for (const [{ name }, all] of runs) {
    if (!name.startsWith('Postern')) continue;
    const [main = [], ...others] = threadMedians(all);
    console.log(
      `\n${name}: of the time, the main thread runs ${percent(main)}, the others ${others
        .map(percent)
        .filter((text) => text !== '0 %')
        .join(', ')}`,
    );
  }
}

const threadMedians = (runs: readonly Run[]): number[][] =>
  (runs[0]?.threads ?? []).map((_, at) => runs.map(({ threads }) => threads[at] ?? 0));

const percent = (shares: readonly number[]): string => `${Math.round(median(shares) * 100)} %`;

const columns = (values: readonly (string | number)[]): string =>
  values.map((value) => String(value).padStart(12)).join(' ');

function median(values: readonly number[]): number {
  const sorted = values.toSorted((first, second) => first - second);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
