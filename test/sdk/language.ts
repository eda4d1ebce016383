import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { compilePlugin, ROOT } from '../plugins/compile.ts';

const run = promisify(execFile);

/** A language that has an SDK here, and how an author builds with it. */
export interface Language {
  readonly name: string;
  /** The folder in `sdk/`. */
  readonly folder: string;
  /** The source of one of the filters in `examples/`. */
  example(filter: string): string;
  /** What a source is called: what is fenced as such in the SDK's README. */
  readonly extension: string;
  /** What is missing on this machine; '' if all is there. */
  readonly missing: string;
  /** What names the compilers found here, for commands that look for them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Compiles one source to one module with the command of the SDK's README; throws what the compiler said. */
  build(source: string, target: string): Promise<void>;
}

const onPath = (command: string): string | undefined =>
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, command))
    .find((path) => existsSync(path));

const DEBIAN_RUSTC = '/usr/bin/rustc';

/** Debian's, which is the oldest that the SDK is for, before a newer one. */
const rustc = existsSync(DEBIAN_RUSTC) ? DEBIAN_RUSTC : onPath('rustc');

/** Where `.ci/run` unpacks the packages of a later Debian. */
const UNPACKED_GO = '/opt/postern-go/usr/lib/go-1.24/bin/go';
const go = existsSync(UNPACKED_GO) ? UNPACKED_GO : onPath('go');

function withoutC(): string {
  const missing = ['clang', 'wasm-ld'].filter((command) => onPath(command) === undefined);
  return missing.length === 0 ? '' : `needs ${missing.join(' and ')}`;
}

function withoutRust(): string {
  if (rustc === undefined) return 'needs rustc';
  // Debian's takes its linker from the package lld.
  if (rustc === DEBIAN_RUSTC && onPath('rust-lld') === undefined) return 'needs rust-lld';
  const words = ['--print', 'target-libdir', '--target', 'wasm32-unknown-unknown'];
  const library = execFileSync(rustc, words, { encoding: 'utf8' }).trim();
  return existsSync(library) ? '' : 'needs the wasm32-unknown-unknown library of rustc';
}

function withoutGo(): string {
  if (go === undefined) return 'needs go 1.24';
  const version = execFileSync(go, ['env', 'GOVERSION'], { encoding: 'utf8' }).trim();
  const minor = Number(/^go1\.(\d+)/.exec(version)?.[1]);
  return minor >= 24 ? '' : `needs go 1.24, found ${version}`;
}

const named = (name: string, path: string | undefined): Readonly<Record<string, string>> =>
  path === undefined ? {} : { [name]: path };

const node = (folder: string) =>
  async function build(source: string, target: string): Promise<void> {
    await run(process.execPath, [join(ROOT, 'sdk', folder, 'build.mjs'), source, target]);
  };

const script = (folder: string, environment: Readonly<Record<string, string>>) =>
  async function build(source: string, target: string): Promise<void> {
    const env = { ...process.env, ...environment };
    await run(join(ROOT, 'sdk', folder, 'build.sh'), [source, target], { env });
  };

const example =
  (folder: string, suffix: string) =>
  (filter: string): string =>
    join(ROOT, 'sdk', folder, 'examples', `${filter}${suffix}`);

export const LANGUAGES: readonly Language[] = [
  {
    name: 'AssemblyScript',
    folder: 'assemblyscript',
    example: example('assemblyscript', '.ts'),
    extension: 'ts',
    missing: '',
    environment: {},
    build: node('assemblyscript'),
  },
  {
    name: 'C',
    folder: 'c',
    example: example('c', '.c'),
    extension: 'c',
    missing: withoutC(),
    environment: {},
    build: node('c'),
  },
  {
    name: 'Rust',
    folder: 'rust',
    example: example('rust', '.rs'),
    extension: 'rs',
    missing: withoutRust(),
    environment: named('RUSTC', rustc),
    build: script('rust', named('RUSTC', rustc)),
  },
  {
    name: 'Go',
    folder: 'go',
    example: example('go', '/main.go'),
    extension: 'go',
    missing: withoutGo(),
    environment: named('GO', go),
    build: script('go', named('GO', go)),
  },
];

const built = new Map<string, Promise<Uint8Array>>();

/** The module of a filter that is in this folder in each language, compiled once: `path` is its source without the extension. */
export function moduleOf(language: Language, path: string): Promise<Uint8Array> {
  const key = `${language.folder} ${path}`;
  const module = built.get(key) ?? compiled(language, path);
  built.set(key, module);
  return module;
}

async function compiled(language: Language, path: string): Promise<Uint8Array> {
  const source = (extension: string): string => join(import.meta.dirname, `${path}.${extension}`);
  // Not `.ts`: it is no TypeScript, and this folder's is checked.
  if (language.folder === 'assemblyscript') return compilePlugin(readFileSync(source('as'), 'utf8'));
  const folder = mkdtempSync(join(tmpdir(), 'postern-sdk-'));
  try {
    const target = join(folder, 'filter.wasm');
    await language.build(source(language.extension), target);
    return readFileSync(target);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * For the name of a test: why it is skipped, '' if it is not. Where other programs are required (`.ci/run`), nothing is
 * skipped, and what is missing fails.
 */
export const skipped = ({ missing }: Language): string =>
  missing === '' || process.env['POSTERN_REQUIRE_SERVERS'] !== undefined ? '' : ` (skipped: ${missing})`;

/** The cause of a failure: AssemblyScript's compiler adds to it where in the source it was. */
export const withoutPlace = (cause: string): string => cause.replace(/ \(\S+\.ts:\d+:\d+\)/, '');
