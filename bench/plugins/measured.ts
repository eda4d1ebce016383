import { availableParallelism, cpus, loadavg } from 'node:os';

/** The value that so much of them lies below: 0.5 is the median. */
export function share(values: readonly number[], part: number): number {
  const sorted = values.toSorted((first, second) => first - second);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}

export const columns = (...values: readonly (string | number)[]): string =>
  values.map((value) => String(value).padStart(9)).join(' ');

/** Says what machine this is, and whether it has other things to do. */
export function tellMachine(): void {
  const load = loadavg()[0]!.toFixed(1);
  console.log(
    `${availableParallelism()} × ${cpus()[0]?.model.trim()}, load before: ${load}${Number(load) > 0.5 ? ' (not quiet: the figures are worse for it)' : ''}`,
  );
}
