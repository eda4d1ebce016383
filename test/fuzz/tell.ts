import { keepCase } from './files.ts';
import type { Failure } from './messages.ts';

/** What to print of a failure: what broke, the input, where it was kept, and what runs it again. */
export function tellFailure(target: string, failure: Failure): string {
  const { property, message, octets, seed } = failure;
  const file = failure.file ?? keepCase(target, octets);
  const shown = JSON.stringify(Buffer.from(octets).toString('latin1'));
  const again = seed === undefined ? '--seconds 0' : `--seed ${seed}`;
  return [
    `${target}: does not hold: ${property}`,
    message,
    `input (${octets.length} octets, as latin1): ${shown.length > 2000 ? `${shown.slice(0, 2000)}…` : shown}`,
    `kept in ${file}`,
    `again: npm run fuzz -- --target ${target} ${again}`,
  ].join('\n');
}
