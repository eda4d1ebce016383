import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { LANGUAGES, skipped, type Language } from '../sdk/language.ts';
import { command, type Ended } from '../support/command.ts';
import { ROOT, temporaryDirectory } from '../support/postern.ts';

// A compiler may have to compile its library first.
vi.setConfig({ testTimeout: 300_000 });

const run = promisify(execFile);
const { path: shop, remove } = temporaryDirectory();
afterAll(remove);

const plugin = (
  words: readonly string[],
  { environment }: Pick<Language, 'environment'> = { environment: {} },
) => command(['plugin', ...words], { cwd: shop, seconds: 280, environment });

/** What the compiler needs that is not on the machine: from the cache of the checkout's own `npm ci`, not from the network. */
async function install(project: string): Promise<void> {
  if (!existsSync(join(project, 'package.json'))) return;
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund'], { cwd: project });
}

const good = (out: string): Ended => ({ code: 0, out, errors: '' });

for (const language of LANGUAGES) {
  const reason = skipped(language);
  describe.skipIf(reason !== '')(`a new project in ${language.name}${reason}`, () => {
    test('builds, is good in the eyes of lint, and passes its own tests, at once', async () => {
      const name = `guard-${language.folder}`;
      const made = await plugin(['new', name, '--lang', language.folder, '--id', `acme/${name}`]);
      expect(made).toMatchObject({ code: 0, errors: '' });
      await install(join(shop, name));
      const built = await plugin(['build', name], language);
      expect(built.errors).toBe('');
      expect(built.out).toMatch(
        new RegExp(`^${name}/${name}\\.wasm: acme/${name} 0\\.1\\.0, \\d+ octets\n$`),
      );
      expect(await plugin(['lint', `${name}/${name}.wasm`])).toEqual(good(`${name}/${name}.wasm: good\n`));
      expect(await plugin(['test', name])).toEqual(
        good('ok    clean\nok    no-word\nok    refused\nok    without-leave\n4 passed, 0 failed\n'),
      );
    });
  });
}

test.each(LANGUAGES)(
  'each link in the documents of a project in $name leads somewhere',
  async ({ folder }) => {
    const project = join(shop, `linked-${folder}`);
    await plugin(['new', `linked-${folder}`, '--lang', folder]);
    const names = readdirSync(project, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.md'),
    );
    expect(names.sort()).toEqual(['README.md', 'sdk/ABI.md', 'sdk/README.md']);
    const links = names.flatMap((name) => {
      const found = readFileSync(join(project, name), 'utf8').matchAll(/\]\(([^)#:]+)\)/g);
      return [...found].map(([, link]) => join(dirname(name), link!));
    });
    expect(links).toContain('sdk/ABI.md');
    expect(links.filter((link) => !existsSync(join(project, link)))).toEqual([]);
  },
);

test("the compiler of a project in AssemblyScript is pinned to this repository's", () => {
  const lock = (folder: string): { packages: Record<string, { version?: string; integrity?: string }> } =>
    JSON.parse(readFileSync(join(ROOT, folder, 'package-lock.json'), 'utf8')) as never;
  const ours = lock('.').packages;
  const theirs = lock('sdk/templates/assemblyscript').packages;
  const installed = Object.keys(theirs).filter((path) => path.startsWith('node_modules/'));
  expect(installed).toContain('node_modules/assemblyscript');
  for (const path of installed.filter((path) => !path.endsWith('postern-plugin-assemblyscript'))) {
    expect([path, theirs[path]?.version, theirs[path]?.integrity]).toEqual([
      path,
      ours[path]?.version,
      ours[path]?.integrity,
    ]);
  }
});

const c = LANGUAGES.find(({ folder }) => folder === 'c')!;
test.skipIf(skipped(c) !== '')(
  `build --update-sdk puts the SDK of this Postern in the place of the project's${skipped(c)}`,
  async () => {
    await plugin(['new', 'aged', '--lang', 'c']);
    const header = join(shop, 'aged', 'sdk', 'ocp_smtp.h');
    const shipped = readFileSync(header, 'utf8');
    const stale = join(shop, 'aged', 'sdk', 'gone.h');
    writeFileSync(header, '#error too old\n');
    writeFileSync(stale, '');
    expect((await plugin(['build', 'aged'])).errors).toContain('too old');
    expect(await plugin(['build', 'aged', '--update-sdk'])).toMatchObject({ code: 0, errors: '' });
    expect([readFileSync(header, 'utf8') === shipped, existsSync(stale)]).toEqual([true, false]);
  },
);

describe('what can go wrong is said', () => {
  test('new: an id that is not allowed, a directory that is not empty, a language that there is not', async () => {
    const id = await plugin(['new', 'Bad_Name', '--lang', 'c']);
    expect(id.code).toBe(2);
    expect(id.errors).toContain('Cannot use the id example/Bad_Name: it must be vendor/name');
    expect((await plugin(['new', 'taken', '--lang', 'c'])).code).toBe(0);
    expect(await plugin(['new', 'taken', '--lang', 'c'])).toMatchObject({
      code: 1,
      errors: 'Cannot make a project in taken: it is not empty\n',
    });
    expect((await plugin(['new', 'x', '--lang', 'cobol'])).code).toBe(2);
  });

  test('build: no project, no manifest, no compiler', async () => {
    expect((await plugin(['build', '.'])).errors).toContain(
      'a project has one of filter.ts, filter.c, filter.rs, main.go',
    );
    await plugin(['new', 'bare', '--lang', 'assemblyscript']);
    const uninstalled = await plugin(['build', 'bare']);
    expect(uninstalled).toMatchObject({ code: 1, out: '' });
    expect(uninstalled.errors).toContain(
      'found no assemblyscript in bare/node_modules; get it with npm install',
    );
    await plugin(['new', 'crab', '--lang', 'rust']);
    const norust = await plugin(['build', 'crab'], { environment: { RUSTC: '/nowhere/rustc' } });
    expect(norust.errors).toContain(
      'found no /nowhere/rustc; get it with apt install rustc libstd-rust-dev-wasm32 lld',
    );
    rmSync(join(shop, 'crab', 'manifest.json'));
    expect((await plugin(['build', 'crab'])).code).toBe(3);
  });

  test.skipIf(skipped(c) !== '')(
    `build: what the compiler says, and where the manifest disagrees${skipped(c)}`,
    async () => {
      await plugin(['new', 'wrong', '--lang', 'c']);
      const source = join(shop, 'wrong', 'filter.c');
      const text = readFileSync(source, 'utf8');
      writeFileSync(source, text.replace('return decide(&answer);\n}', 'return nonsense;\n}'));
      const compiled = await plugin(['build', 'wrong']);
      expect(compiled.code).toBe(1);
      expect(compiled.errors).toMatch(/filter\.c:\d+:\d+: error: use of undeclared identifier 'nonsense'/);
      writeFileSync(source, text);
      const manifest = join(shop, 'wrong', 'manifest.json');
      writeFileSync(
        manifest,
        readFileSync(manifest, 'utf8').replace('"modifies": true', '"modifies": false'),
      );
      const packed = await plugin(['build', 'wrong']);
      expect(packed).toMatchObject({ code: 1, out: '' });
      expect(packed.errors).toContain(
        'it imports "header_add", but its manifest says that it modifies nothing',
      );
      expect(existsSync(join(shop, 'wrong', 'wrong.wasm'))).toBe(false);
    },
  );
});
