import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * The house: a file imports from a lower rank or from its own folder, never from a sibling folder and never upward.
 * This test holds the table; whoever changes it changes the design.
 */
const RANKS: Record<string, number> = {
  base: 0,
  mail: 1,
  ocp: 2,
  smtp: 3,
  sandbox: 3,
  store: 3,
  config: 3,
  proxy: 4,
  delivery: 4,
  admin: 4,
  author: 4,
  cli: 5,
  '.': 6,
};

const root = join(import.meta.dirname, '..');

/** The TypeScript files below a folder, without declarations. */
function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts') && !file.includes('node_modules'))
    .map((file) => join(folder, file));
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|import\s*['"]([^'"]+)['"]/g;

function relativeImports(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [...text.matchAll(IMPORT)]
    .map((match) => match[1] ?? match[2] ?? match[3]!)
    .filter((path) => path.startsWith('.'));
}

const folderOf = (path: string): string => {
  const [first = '.', second] = relative('src', path).split(sep);
  return second === undefined ? '.' : first;
};

/** Problems of one file, given what it imports. */
function violations(file: string, imports: readonly string[]): string[] {
  const from = folderOf(file);
  return imports.flatMap((path) => {
    const target = join(dirname(file), path);
    const to = folderOf(target);
    // What tests share lies in test/support.
    if (file.endsWith('.test.ts') && target.startsWith(join('test', 'support'))) return [];
    if (!target.startsWith(`src${sep}`)) return [`${file} imports ${path}, which is outside src/`];
    if (RANKS[to] === undefined || RANKS[from] === undefined)
      return [`${file} or ${target} is in a folder without a rank`];
    return to === from || RANKS[to] < RANKS[from] ? [] : [`${file} (${from}) imports ${target} (${to})`];
  });
}

describe('the house', () => {
  const files = sources('src');

  it('has files and imports to judge', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.flatMap(relativeImports).length).toBeGreaterThan(100);
  });

  it('lets every file import downwards only', () => {
    expect(files.flatMap((file) => violations(file, relativeImports(file)))).toEqual([]);
  });

  it('would notice an import from a sibling folder, upward, or out of src/', () => {
    expect(violations('src/smtp/x.ts', ['../store/store.ts'])).toHaveLength(1);
    expect(violations('src/mail/x.ts', ['../proxy/session.ts'])).toHaveLength(1);
    expect(violations('src/mail/x.ts', ['../../sdk/assemblyscript/index.ts'])).toHaveLength(1);
    expect(violations('src/proxy/x.ts', ['../mail/reply.ts', './plan.ts'])).toEqual([]);
  });

  it('keeps plugins on the SDK, and the SDK on itself', () => {
    const plugins = sources('plugins');
    const sdk = sources(join('sdk', 'assemblyscript'));
    expect(plugins.length).toBeGreaterThanOrEqual(4);
    expect(sdk.length).toBeGreaterThan(0);
    // `plugins/name`: a plugin may have folders of its own.
    const topFolder = (file: string): string => file.split(sep).slice(0, 2).join(sep);
    const outside = (files: readonly string[], allowed: readonly string[]) =>
      files.flatMap((file) =>
        relativeImports(file)
          .map((path) => join(dirname(file), path))
          .filter(
            (target) =>
              !allowed.some((folder) => `${target}${sep}`.startsWith(folder)) &&
              topFolder(target) !== topFolder(file),
          )
          .map((target) => `${file} imports ${target}`),
      );
    expect(outside(plugins, [join('sdk', 'assemblyscript') + sep])).toEqual([]);
    expect(outside(sdk, [join('sdk', 'assemblyscript') + sep])).toEqual([]);
  });
});
