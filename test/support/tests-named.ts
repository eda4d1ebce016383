import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './postern.ts';

/** A test that a page in docs/ names. */
export interface NamedTest {
  /** From the root. */
  readonly file: string;
  /** Absent for a file that is a test as a whole. */
  readonly name: string | undefined;
}

/** The cells of the table's rows in a piece of a page, without the heads of the columns. */
export function rowsIn(text: string): string[][] {
  const lines = text.split('\n').filter((line) => line.startsWith('|'));
  // The first two are the heads and the rule below them.
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** `[name](../path) "test"; …`: a file that is a test as a whole, such as a dialog, goes without a name. */
export const testsIn = (cell: string): NamedTest[] =>
  [...cell.matchAll(/\[[^\]]+\]\(\.\.\/([^)]+)\)(?: "([^"]+)")?/g)].map(([, file, name]) => ({
    file: file!,
    name,
  }));

/** Files that are tests themselves: dialogs, and the cases of plugins. */
const WHOLE = /^test\/dialog\/.+\.txt$|^plugins\/[\w-]+\/cases\/.+\.yaml$/;

export function isThere({ file, name }: NamedTest): boolean {
  const path = join(ROOT, file);
  if (!existsSync(path)) return false;
  if (name === undefined) return WHOLE.test(file);
  const text = readFileSync(path, 'utf8');
  return ["'", '"', '`'].some((quote) => isRun(text, `${quote}${name}${quote}`));
}

/** It is what a test is called, one that runs. */
function isRun(text: string, title: string): boolean {
  const before = text.slice(0, Math.max(0, text.indexOf(title))).trimEnd();
  const line = before.slice(before.lastIndexOf('\n') + 1);
  return /(?:\b(?:it|test)|\))\($/.test(before) && !line.trimStart().startsWith('//');
}
