import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from './postern.ts';

const run = promisify(execFile);

/** Runs the real program with these arguments and the config of a Postern in `directory`; its standard output. */
export async function postern(directory: string, ...words: string[]): Promise<string> {
  const [main, config] = [join(ROOT, 'dist', 'main.js'), join(directory, 'postern.yaml')];
  const { stdout } = await run(process.execPath, [main, ...words, '-c', config], {
    maxBuffer: 256 * 1024 * 1024,
  });
  return stdout;
}

/** An entry of `queue list` or `quarantine list`, as far as tests look at it. */
export interface ListedEntry {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly downstream: string;
  readonly sender: { readonly address: string };
}

export async function listed(directory: string, what: 'queue' | 'quarantine'): Promise<ListedEntry[]> {
  const output = await postern(directory, what, 'list', '--json', '--limit', '1000000');
  return JSON.parse(output) as ListedEntry[];
}
