import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serve } from '../plugins/ask.ts';
import { ROOT } from '../plugins/compile.ts';

const run = promisify(execFile);

/** The way that the README of the AssemblyScript SDK shows, in a folder outside of the checkout. npm needs no network for it. */
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-sdk-install-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

test('npm installs the SDK by its folder, as a link, and its command compiles the smallest filter', async () => {
  const sdk = join(ROOT, 'sdk', 'assemblyscript');
  const readme = readFileSync(join(sdk, 'README.md'), 'utf8');
  const [smallest] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, source]) => source!).slice(-1);
  writeFileSync(join(folder, 'filter.ts'), smallest!);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');

  const cwd = { cwd: folder };
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--install-links=false', sdk], cwd);
  const { stdout } = await run('npx', ['--no-install', 'postern-asc', 'filter.ts', 'filter.wasm'], cwd);
  expect(stdout).toMatch(/^filter\.wasm: \d+ bytes$/m);

  const asked = await serve(join(folder, 'filter.wasm'), {});
  try {
    const { text } = await asked.filter('Subject: x\n\nHello.\n');
    expect(text).toBe('Subject: x\r\nX-Scanned-By: Postern\r\n\r\nHello.\r\n');
  } finally {
    await asked.close();
  }
}, 180_000);
