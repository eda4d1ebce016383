import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { command } from '../support/command.ts';
import { temporaryDirectory } from '../support/postern.ts';

vi.setConfig({ testTimeout: 300_000 });

const run = promisify(execFile);

/** A hundred megabytes: too much for everybody who works on Postern, so it comes from the registry. */
const PACKAGE = '@yowasp/clang@22.0.0-git20542-10';
/** Why it can't be had; '' if it can. Where other programs are required (`.ci/run`), nothing is skipped, and what is missing fails. */
const missing = await registryHas(PACKAGE);
const reason = missing === '' || process.env['POSTERN_REQUIRE_SERVERS'] !== undefined ? '' : ` (${missing})`;

async function registryHas(name: string): Promise<string> {
  const words = ['view', name, 'version', '--fetch-retries=0', '--fetch-timeout=20000'];
  try {
    await run('npm', words, { timeout: 60_000 });
    return '';
  } catch {
    return `skipped: needs ${name} from npm's registry`;
  }
}

describe.skipIf(reason !== '')(`C without clang on the machine${reason}`, () => {
  const { path: shop, remove } = temporaryDirectory();
  afterAll(remove);
  const project = join(shop, 'guard');

  /** Where no program is. */
  const bare = join(shop, 'bin');
  const plugin = (...words: string[]) =>
    command(['plugin', ...words], { cwd: shop, seconds: 120, environment: { PATH: bare } });

  test('a new project names what is missing, then builds with the npm package and passes its tests', async () => {
    expect(await plugin('new', 'guard', '--lang', 'c', '--id', 'acme/guard')).toMatchObject({ code: 0 });
    const without = await plugin('build', 'guard');
    expect(without).toMatchObject({ code: 1, out: '' });
    expect(without.errors).toContain(
      'found no clang and no @yowasp/clang; get it with apt install clang lld, or npm install @yowasp/clang (100 MB)',
    );

    // As the project's README says, with its version told.
    expect(readFileSync(join(project, 'README.md'), 'utf8')).toContain('`npm install @yowasp/clang`');
    writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
    await run('npm', ['install', '--no-audit', '--no-fund', PACKAGE], { cwd: project });
    const built = await plugin('build', 'guard');
    expect(built.errors).toBe('');
    expect(built.out).toMatch(/^guard\/guard\.wasm: acme\/guard 0\.1\.0, \d+ octets\n$/);
    expect(await plugin('lint', 'guard/guard.wasm')).toMatchObject({
      code: 0,
      out: 'guard/guard.wasm: good\n',
    });
    expect(await plugin('test', 'guard')).toEqual({
      code: 0,
      out: 'ok    clean\nok    no-word\nok    refused\nok    without-leave\n4 passed, 0 failed\n',
      errors: '',
    });
  });

  test('it sees headers beside and below the source, and says what is wrong as clang does', async () => {
    const source = join(project, 'filter.c');
    const text = readFileSync(source, 'utf8');
    mkdirSync(join(project, 'parts'));
    writeFileSync(join(project, 'parts', 'below.h'), '#define BELOW 1\n');
    writeFileSync(join(project, 'own.h'), '  # include "parts/below.h"\n#define OWN BELOW\n');
    writeFileSync(source, `#include "own.h"\n#if !OWN\n#error it is hidden\n#endif\n${text}`);
    expect(await plugin('build', 'guard')).toMatchObject({ code: 0, errors: '' });
    writeFileSync(source, text.replace('return decide(&answer);\n}', 'return nonsense;\n}'));
    const wrong = await plugin('build', 'guard');
    expect(wrong).toMatchObject({ code: 1, out: '' });
    expect(wrong.errors).toMatch(
      /\n\/\S+\/guard\/filter\.c:\d+:\d+: error: use of undeclared identifier 'nonsense'/,
    );
    writeFileSync(
      source,
      text.replace('return decide(&answer);\n}', 'extern int elsewhere(void); return elsewhere();\n}'),
    );
    expect((await plugin('build', 'guard')).errors).toContain('undefined symbol: elsewhere');
  });
});
