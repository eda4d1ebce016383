import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeError, OperationalError } from '../base/errors.ts';
import { LANGUAGES, type Language } from './projects.ts';

const run = promisify(execFile);

/** A compiler may build its library first. */
const COMPILE_MS = 10 * 60_000;
const QUESTION_MS = 60_000;
const OUTPUT_LIMIT = 16 * 1024 * 1024;

/** What the build script for C ends with if there is no compiler. */
const NO_COMPILER = 127;

/**
 * Compiles a project's source to a module, with the build script of its SDK: the one that the project has in `sdk/`, unless another is
 * named. Returns what the compiler printed. Throws an OperationalError: with the code `compiler` it says what is missing and how to get
 * it, with `compile` what the compiler said.
 */
export async function compileProject(
  folder: string,
  options: { readonly language: Language; readonly target: string; readonly sdk?: string },
): Promise<string> {
  const { language, target, sdk = join(folder, 'sdk') } = options;
  await CHECKS[language]?.(folder);
  const { source } = LANGUAGES[language];
  const [command, ...words] = BUILDS[language]({ folder, sdk });
  const input = language === 'go' ? folder : join(folder, source);
  try {
    const { stdout, stderr } = await run(command, [...words, input, target], {
      timeout: COMPILE_MS,
      maxBuffer: OUTPUT_LIMIT,
    });
    return language === 'assemblyscript' ? stderr : stdout + stderr;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === NO_COMPILER) {
      throw new OperationalError('compiler', saidBy(error));
    }
    throw new OperationalError('compile', `Cannot compile ${join(folder, source)}:\n${saidBy(error)}`);
  }
}

/** How each SDK is asked to build. */
const BUILDS: Readonly<Record<Language, (project: Project) => readonly [command: string, script: string]>> = {
  assemblyscript: ({ folder }) => [
    process.execPath,
    join(folder, 'node_modules', 'postern-plugin-assemblyscript', 'build.mjs'),
  ],
  c: ({ sdk }) => [process.execPath, join(sdk, 'build.mjs')],
  rust: ({ sdk }) => ['sh', join(sdk, 'build.sh')],
  go: ({ sdk }) => ['sh', join(sdk, 'build.sh')],
};

interface Project {
  readonly folder: string;
  readonly sdk: string;
}

/** What a program wrote before it ended with a failure. */
function saidBy(error: unknown): string {
  const said = (key: 'stdout' | 'stderr'): string => {
    const text: unknown = error instanceof Error && key in error ? Reflect.get(error, key) : '';
    return typeof text === 'string' ? text : '';
  };
  const text = `${said('stdout')}${said('stderr')}`.trim();
  return text === '' ? describeError(error) : text;
}

/** That the compiler is there. C's build looks for one itself: it has two to choose from. */
const CHECKS: Readonly<Partial<Record<Language, (folder: string) => Promise<void>>>> = {
  async assemblyscript(folder) {
    for (const name of ['assemblyscript', '@extism/as-pdk', 'postern-plugin-assemblyscript']) {
      if (existsSync(join(folder, 'node_modules', name))) continue;
      throw missing(`found no ${name} in ${join(folder, 'node_modules')}`, `npm install (in ${folder})`);
    }
  },
  async rust() {
    const rustc = process.env['RUSTC'] ?? 'rustc';
    const get = 'apt install rustc libstd-rust-dev-wasm32 lld (RUSTC=/usr/bin/rustc names that one)';
    const version = await answer(rustc, ['--version']);
    if (version === undefined) throw missing(`found no ${rustc}`, get);
    if (!isAtLeast(version, [1, 63])) throw missing(`found ${version}, 1.63 or later is needed`, get);
    const words = ['--print', 'target-libdir', '--target', 'wasm32-unknown-unknown'];
    const library = await answer(rustc, words);
    if (library === undefined || !existsSync(library)) {
      const found = `found ${version} without its library for wasm32-unknown-unknown`;
      throw missing(found, `${get}, or rustup target add wasm32-unknown-unknown`);
    }
  },
  async go() {
    const go = process.env['GO'] ?? 'go';
    const get =
      'apt install golang-1.24-go from Debian 13 or later (GO=/usr/lib/go-1.24/bin/go names that one), or go.dev/dl';
    const version = await answer(go, ['env', 'GOVERSION']);
    if (version === undefined) throw missing(`found no ${go}`, get);
    if (!isAtLeast(version, [1, 24])) throw missing(`found ${version}, 1.24 or later is needed`, get);
  },
};

const missing = (found: string, get: string): OperationalError =>
  new OperationalError('compiler', `Cannot compile: ${found}; get it with ${get}`);

/** What a program prints; undefined if there is none, or it fails. */
async function answer(command: string, words: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(command, words, { timeout: QUESTION_MS, maxBuffer: OUTPUT_LIMIT });
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** Whether the first `N.N` in the text is this version or a later one. */
function isAtLeast(text: string, [major, minor]: readonly [number, number]): boolean {
  const found = /(\d+)\.(\d+)/.exec(text);
  if (found === null) return false;
  const [foundMajor, foundMinor] = [Number(found[1]), Number(found[2])];
  return foundMajor > major || (foundMajor === major && foundMinor >= minor);
}
