import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { builtPlugin, unbuilt } from './ask.ts';
import { ROOT } from './compile.ts';

const run = promisify(execFile);

/** `npm run build:plugins` on a machine without compilers: nothing is on the PATH, and RUSTC is nowhere. */
const nothing = mkdtempSync(join(tmpdir(), 'postern-build-'));
afterAll(() => rmSync(nothing, { recursive: true }));

const buildWithout = (...names: string[]) =>
  run(process.execPath, [join(ROOT, 'plugins', 'build.mjs'), ...names], {
    env: { PATH: nothing, RUSTC: join(nothing, 'rustc') },
  });

describe('without the compilers of Rust and C', () => {
  test('the build says in one line what it did not build, and what that needs, and succeeds', async () => {
    const { stdout, stderr } = await buildWithout('greylist', 'rate-limit');
    expect(stdout).toBe('');
    expect(stderr).toBe(
      'Not built, since there is no compiler for them: greylist (Rust: apt install rustc libstd-rust-dev-wasm32 lld), ' +
        'rate-limit (C: apt install clang lld)\n',
    );
  });

  const skipped = unbuilt('greylist');
  test.skipIf(skipped !== '')(`a package that is there stays${skipped}`, async () => {
    const { mtimeMs } = statSync(builtPlugin('greylist'));
    await buildWithout('greylist');
    expect(statSync(builtPlugin('greylist')).mtimeMs).toBe(mtimeMs);
  });
});
