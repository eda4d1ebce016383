import { hideSettings } from '../config/hide-settings.ts';
import { lineDiff, type DiffLine } from './line-diff.ts';

/**
 * What a change of a config comes to, line by line, for people. Nothing under `settings` is shown: it may hold a secret, and what a
 * command prints ends in logs.
 */
export function configDiff(before: string, after: string): string[] {
  const diff = lineDiff(hideSettings(before), hideSettings(after));
  return diff.map((line, i) => {
    const [previous, next] = [diff[i - 1], diff[i + 1]];
    if (line.sign === '-' && next?.sign === '+' && previous?.sign !== '-') return shown(line, next.text);
    if (line.sign === '+' && previous?.sign === '-' && next?.sign !== '+') return shown(line, previous.text);
    return shown(line, undefined);
  });
}

/** Longer lines than this, a whole config in JSON, say, are shown only where they differ. */
const LONGEST_LINE = 160;

/** A line of the diff. What stays the same in a line that has settings or names a secret is not shown. */
function shown({ sign, line, text }: DiffLine, other: string | undefined): string {
  const number = String(line).padStart(5);
  const isWhole = text.length <= LONGEST_LINE && !(other !== undefined && /settings|secret/i.test(text));
  if (other === undefined || isWhole) return `${number} ${sign} ${text}`;
  let head = 0;
  while (head < Math.min(text.length, other.length) && text[head] === other[head]) head += 1;
  let tail = 0;
  const most = Math.min(text.length, other.length) - head;
  while (tail < most && text.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  return `${number} ${sign} …${text.slice(head, text.length - tail)}…`;
}
