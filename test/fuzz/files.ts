import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';

/** test/fuzz, for what runs from there and for what was compiled into its dist/. */
export const FUZZ_FOLDER = import.meta.dirname.split(join(sep, 'dist', 'test', 'fuzz'))[0]!;

export interface InputFile {
  readonly file: string;
  readonly octets: Buffer;
}

/** Seeds of a target, then the cases that were once found, by name. */
export function inputsOf(target: string): InputFile[] {
  return ['seeds', 'cases'].flatMap((kind) => {
    const folder = join(FUZZ_FOLDER, kind, target);
    return filesIn(folder)
      .toSorted()
      .map((name) => ({ file: join(folder, name), octets: readFileSync(join(folder, name)) }));
  });
}

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // no such case was found yet
  }
}

/** Keeps a case for every run to come; gives its file. */
export function keepCase(target: string, octets: Uint8Array): string {
  const folder = join(FUZZ_FOLDER, 'cases', target);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash('sha256').update(octets).digest('hex').slice(0, 12));
  writeFileSync(file, octets);
  return file;
}
