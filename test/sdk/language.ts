import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../plugins/compile.ts';

const run = promisify(execFile);

/** A language that has an SDK here, and how an author builds with it. */
export interface Language {
  readonly name: string;
  /** The folder in `sdk/`. */
  readonly folder: string;
  /** Of its sources in `examples/`. */
  readonly extension: string;
  /** Fence of the code in its README. */
  readonly fence: string;
  /** What is missing on this machine; undefined if all is there. */
  readonly missing: string | undefined;
  /** Compiles one source to one module; throws what the compiler said. */
  build(source: string, target: string): Promise<void>;
}

const sdk = (...names: string[]): string => join(ROOT, 'sdk', ...names);

/** The commands of each SDK's README. */
export const LANGUAGES: readonly Language[] = [
  {
    name: 'AssemblyScript',
    folder: 'assemblyscript',
    extension: 'ts',
    fence: 'ts',
    missing: undefined,
    async build(source, target) {
      await run(process.execPath, [sdk('assemblyscript/build.mjs'), source, target]);
    },
  },
  {
    name: 'C',
    folder: 'c',
    extension: 'c',
    fence: 'c',
    missing: lacking('clang', 'wasm-ld'),
    async build(source, target) {
      await run(sdk('c/build.sh'), [source, target]);
    },
  },
];

/** The compilers that are not on this machine, in words. */
function lacking(...commands: string[]): string | undefined {
  const missing = commands.filter((command) => !isOnPath(command));
  return missing.length === 0 ? undefined : `${missing.join(' and ')} not found`;
}

function isOnPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
