import { readdirSync, readFileSync } from 'node:fs';
import { found } from '../interop/support/servers.ts';

/** Why nothing can be confined here, for the name of a test; '' if it can. Where it is required (`.ci/run`) that is an error. */
export const unconfinable = ((): string => {
  const missing = ['bwrap', 'prlimit'].filter((program) => found(program) === undefined);
  if (missing.length === 0) return '';
  const reason = `needs ${missing.join(', ')}`;
  if (process.env['POSTERN_REQUIRE_SERVERS'] !== undefined)
    throw new Error(`Cannot test isolation: ${reason}`);
  return ` (skipped: ${reason})`;
})();

/** The confined processes that a process has started and that are still there, with those of `bwrap` around them: their ids. */
export function confinedProcesses(starter = process.pid): number[] {
  const parents = new Map<number, { parent: number; name: string }>();
  for (const entry of readdirSync('/proc')) {
    const status = /^\d+$/.test(entry) ? statOf(entry) : undefined;
    if (status !== undefined) parents.set(Number(entry), status);
  }
  const isOurs = (pid: number): boolean => {
    const { parent, name } = parents.get(pid) ?? { parent: 0, name: '' };
    return name === 'bwrap' && (parent === starter || isOurs(parent));
  };
  return [...parents].filter(([pid, { parent }]) => isOurs(pid) || isOurs(parent)).map(([pid]) => pid);
}

function statOf(pid: string): { parent: number; name: string } | undefined {
  try {
    const [, name, parent] = /^\d+ \((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))!;
    return { name: name!, parent: Number(parent) };
  } catch {
    return undefined; // It has ended meanwhile.
  }
}
