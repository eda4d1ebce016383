import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { compileProject } from '../author/compile.ts';
import { copySdk, languageOf } from '../author/projects.ts';
import { readPackage } from './package-file.ts';
import { manifestFrom, packTo, printWarnings } from './plugin-pack.ts';

/** `postern plugin build`: from a project to a package that is not signed yet. */
export function addBuildCommand(plugin: Command): void {
  plugin
    .command('build [directory]')
    .description("Compile a project, put its manifest in and lint it: NAME.wasm, as the manifest's id says")
    .option('--update-sdk', "first put this Postern's SDK in the place of the project's sdk/")
    .addHelpText(
      'after',
      `
The language is that of the source: filter.ts, filter.c, filter.rs or main.go. The manifest is manifest.json with the settings of
settings.schema.json, if there is one. RUSTC and GO name another rustc and go.

Exit codes: 0 built; 1 it did not compile, a compiler is missing, or manifest and module disagree; 3 there is no manifest.json.`,
    )
    .action(async (given: string | undefined, options: { updateSdk?: boolean }) => {
      await buildProject(given ?? '.', options);
    });
}

async function buildProject(directory: string, options: { updateSdk?: boolean }): Promise<void> {
  const language = languageOf(directory);
  const manifestFile = join(directory, 'manifest.json');
  const settings = join(directory, 'settings.schema.json');
  const manifest = await manifestFrom({ manifest: manifestFile, ...(existsSync(settings) && { settings }) });
  if (options.updateSdk === true) await copySdk(directory, language);
  const target = packageOf(directory, manifest.id);
  const scratch = await mkdtemp(join(tmpdir(), 'postern-build-'));
  try {
    const module = join(scratch, 'module.wasm');
    const said = await compileProject(directory, { language, target: module });
    if (said.trim() !== '') process.stderr.write(`${said.trim()}\n`);
    const { binary } = await readPackage(module);
    printWarnings(target, await packTo(target, { path: target, binary, manifest }));
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** What `build` writes for a project. */
export function packageOf(directory: string, id: string): string {
  return join(directory, `${id.slice(id.indexOf('/') + 1)}.wasm`);
}
