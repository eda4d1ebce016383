import { copyFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFile } from 'node:child_process';
import { command, type Ended } from '../support/command.ts';
import { ROOT, temporaryDirectory } from '../support/postern.ts';

/** Debian's minisign, if it is installed. */
const MINISIGN = '/usr/bin/minisign';

/** Why tests with minisign can't run here, for their name; '' if they can. Where it is required, that is an error. */
export function lacksMinisign(): string {
  if (existsSync(MINISIGN)) return '';
  if (process.env['POSTERN_REQUIRE_SERVERS'])
    throw new Error('Cannot test with minisign: it is not installed');
  return ' (skipped: needs minisign)';
}

/** A directory of its own, with commands run in it. */
export interface Workshop {
  readonly path: string;
  file(name: string): string;
  /** `postern plugin …`, with what it reads from standard input. */
  plugin(words: readonly string[], input?: string): Promise<Ended>;
  /** `postern …`, with these variables in its environment. */
  postern(words: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended>;
  minisign(words: readonly string[], input?: string): Promise<Ended>;
  remove(): void;
}

export function workshop(): Workshop {
  const { path, remove } = temporaryDirectory();
  mkdirSync(path, { recursive: true });
  return {
    path,
    file: (name) => join(path, name),
    plugin: async (words, input = '') => command(['plugin', ...words], { cwd: path, input, seconds: 60 }),
    postern: async (words, environment = {}) => command(words, { cwd: path, environment, seconds: 60 }),
    minisign: async (words, input = '') =>
      new Promise((resolve, reject) => {
        const child = execFile(MINISIGN, words, { cwd: path, timeout: 60_000 }, (error, out, errors) => {
          if (error === null) resolve({ code: 0, out, errors });
          else if (typeof error.code === 'number') resolve({ code: error.code, out, errors });
          else reject(error);
        });
        child.stdin!.on('error', () => {});
        child.stdin!.end(input);
      }),
    remove,
  };
}

/** A copy of one of this repository's packages, under another name. */
export function copyPlugin(shop: Workshop, { name, as }: { name: string; as: string }): void {
  copyFileSync(join(ROOT, 'plugins', name, `${name}.wasm`), shop.file(as));
}

export const write = (shop: Workshop, name: string, content: string | Uint8Array): void =>
  writeFileSync(shop.file(name), content);
