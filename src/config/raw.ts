import type { KeyPath } from './problem.ts';

/** Reading the plain values of a file before anything is known of their types. */

export type RawRecord = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is RawRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The value at a path; undefined where there is none. */
export function valueAt(path: KeyPath, root: unknown): unknown {
  let value = root;
  for (const step of path) {
    if (Array.isArray(value)) value = typeof step === 'number' ? value[step] : undefined;
    else value = isRecord(value) && Object.hasOwn(value, step) ? value[step] : undefined;
  }
  return value;
}

/** A named map of a section: one listener, one service. */
export interface RawEntry {
  readonly name: string;
  readonly path: KeyPath;
  readonly value: RawRecord;
}

/** The entries of a section that are maps; those that are not are the schema's business. */
export function entriesOf(root: unknown, section: string): RawEntry[] {
  const all = valueAt([section], root);
  if (!isRecord(all)) return [];
  return Object.entries(all).flatMap(([name, value]) =>
    isRecord(value) ? [{ name, path: [section, name], value }] : [],
  );
}
