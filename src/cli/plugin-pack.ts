import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { describeError } from '../base/errors.ts';
import { readManifest, type Manifest } from '../ocp/manifest.ts';
import { strictJson } from '../ocp/strict-json.ts';
import { readSections } from '../sandbox/binary.ts';
import { lintPackage } from '../sandbox/lint.ts';
import { packModule } from '../sandbox/package.ts';
import { CommandError, EXIT } from './exit.ts';
import { readPackage } from './package-file.ts';
import { printLine } from './output.ts';

/** `postern plugin pack` and `lint`: what an author does before signing. */
export function addPackCommands(plugin: Command): void {
  plugin
    .command('pack <file>')
    .description('Put a manifest into a module, which makes it a package; refused where the two disagree')
    .requiredOption('--manifest <json>', 'the manifest; docs/plugin-packages.md has its keys')
    .option('--settings <json>', "JSON Schema of the settings, which becomes the manifest's settings")
    .option('-o, --output <file>', 'write there and leave FILE as it is')
    .addHelpText(
      'after',
      `
A manifest that is there already is replaced; a signature over the old file holds no more.

Exit codes: 0 written; 1 the manifest is wrong or disagrees with the module, nothing was written; 3 there is no such file.`,
    )
    .action(async (path: string, options: { manifest: string; settings?: string; output?: string }) => {
      const { binary } = await readPackage(path);
      const manifest = await manifestFrom(options);
      await packTo(options.output ?? path, { path, binary, manifest });
    });

  plugin
    .command('lint <file>')
    .description(
      'Check a package as a server would: manifest, imports, exports, memory, size; exit code 1 if unfit',
    )
    .action(async (path: string) => {
      const { binary, sections } = await readPackage(path);
      const { problems, warnings } = await lintPackage(binary, sections);
      printWarnings(path, warnings);
      for (const problem of problems) printLine(`error: ${path}: ${problem}`);
      if (problems.length === 0) process.stdout.write(`${path}: good\n`);
      else process.exitCode = EXIT.failed;
    });
}

/** Writes the package, with a line on standard output that says so; returns what lint warns of. Refuses what does not fit together. */
export async function packTo(
  target: string,
  { path, binary, manifest }: { path: string; binary: Uint8Array; manifest: Manifest },
): Promise<readonly string[]> {
  const packed = packModule(binary, manifest);
  const { problems, warnings } = await lintPackage(packed, readSections(packed));
  if (problems.length > 0) throw refused(`Cannot pack ${path}`, problems);
  await replaceFile(target, packed);
  process.stdout.write(`${target}: ${manifest.id} ${manifest.version}, ${packed.length} octets\n`);
  return warnings;
}

/** The manifest of its files; the command ends if they are not fit. */
export async function manifestFrom(options: { manifest: string; settings?: string }): Promise<Manifest> {
  const own = await readJson(options.manifest);
  const settings = options.settings === undefined ? undefined : await readJson(options.settings);
  const isMap = typeof own === 'object' && own !== null && !Array.isArray(own);
  const whole = settings !== undefined && isMap ? { ...own, settings } : own;
  const read = readManifest(Buffer.from(JSON.stringify(whole)));
  if ('manifest' in read) return read.manifest;
  throw refused(`Cannot use ${options.manifest}`, read.reasons);
}

async function readJson(path: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    throw new CommandError(EXIT.notFound, `Cannot read ${path}: ${describeError(thrown)}`);
  }
  const json = strictJson(text);
  if ('fault' in json) throw new CommandError(EXIT.failed, `Cannot use ${path}: it ${json.fault}`);
  return json.value;
}

const refused = (what: string, reasons: readonly string[]): CommandError =>
  new CommandError(EXIT.failed, reasons.map((reason) => `${what}: ${reason}`).join('\n'));

export function printWarnings(path: string, warnings: readonly string[]): void {
  for (const warning of warnings) printLine(`warning: ${path}: ${warning}`);
}

/** A server that reads the file at this moment sees the old one or the new one, never half of it. */
async function replaceFile(path: string, octets: Uint8Array): Promise<void> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(draft, octets);
    await rename(draft, path);
  } catch (thrown) {
    await rm(draft, { force: true });
    throw new CommandError(EXIT.failed, `Cannot write ${path}: ${describeError(thrown)}`);
  }
}
