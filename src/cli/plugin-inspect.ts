import type { Command } from 'commander';
import { parsePackageName } from '../ocp/package-name.ts';
import { auditManifest } from '../sandbox/audit.ts';
import { MalformedBinary } from '../sandbox/binary.ts';
import { displayId } from '../sandbox/minisign.ts';
import { digestOf } from '../sandbox/digest.ts';
import { foundSignature, signaturesBeside, type FoundSignature } from '../sandbox/signature-files.ts';
import { outlineOf, type Outline } from '../sandbox/outline.ts';
import { loadOrFail } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { notInstalled, storeOf } from './installed.ts';
import { manifestRows } from './manifest-rows.ts';
import { formatSize, printJson, printTable } from './output.ts';
import { packageOf, readPackage, type PackageFile } from './package-file.ts';

/** `postern plugin inspect`: what a package says of itself and what its module shows, without running or compiling it. */
export function addInspectCommand(plugin: Command): void {
  plugin
    .command('inspect <package>')
    .description("Show a package's manifest, digest, imports, exports and signatures; nothing of it is run")
    .option('-c, --config <file>', 'the configuration file, to find an installed package')
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
PACKAGE is a file, or with --config an installed vendor/name@version. A signature is listed as it is found beside the file
(FILE.minisig, FILE.*.minisig) or in the store, not verified: postern plugin verify does that. "problems" is where manifest and module
disagree.

Exit codes: 0 shown, whatever it says; 1 the file is no WebAssembly module; 2 wrong usage; 3 there is no such file or package.`,
    )
    .action(async (text: string, options: { json?: boolean; config?: string }) => {
      const { file, signatures } = await find(text, options.config);
      const facts = factsOf(file, signatures);
      if (options.json === true) return printJson(facts);
      printTable(['FIELD', 'VALUE'], rowsOf(facts));
    });
}

interface Found {
  readonly file: PackageFile;
  readonly signatures: readonly FoundSignature[];
}

async function find(text: string, config: string | undefined): Promise<Found> {
  const name = text.endsWith('.wasm') ? undefined : parsePackageName(text);
  if (name === undefined) {
    const file = await readPackage(text);
    return { file, signatures: await signaturesBeside(text) };
  }
  if (config === undefined) {
    const why = 'which server it is installed on is not known without --config';
    throw new CommandError(EXIT.usage, `Cannot inspect ${text}: ${why}`);
  }
  const loaded = loadOrFail(config).config;
  const store = storeOf(loaded);
  const record = await store.find(name);
  if (record === undefined) throw await notInstalled(loaded, { text, id: name.id });
  return {
    file: packageOf(text, await store.read(record)),
    signatures: record.signatures.map((signature) => foundSignature(text, Buffer.from(signature))),
  };
}

type Facts = ReturnType<typeof factsOf>;

function factsOf(file: PackageFile, signatures: readonly FoundSignature[]) {
  const { path, binary, manifest } = file;
  const outline = outlineOrFail(file);
  const { imports, exports, memory } = outline;
  return {
    file: path,
    size: binary.length,
    digest: digestOf(binary),
    manifest: manifest !== undefined && 'manifest' in manifest ? manifest.manifest : null,
    problems:
      manifest === undefined
        ? ['it has no manifest']
        : 'manifest' in manifest
          ? auditManifest(outline, manifest.manifest)
          : manifest.reasons,
    imports,
    exports,
    /** In pages of 64 KiB. */
    memory: memory === undefined ? null : { minimum: memory.minimum, maximum: memory.maximum ?? null },
    signatures: signatures.map((found) =>
      'problem' in found
        ? { file: found.from, problem: found.problem }
        : {
            file: found.from,
            key: displayId(found.signature.keyId),
            prehashed: found.signature.isPrehashed,
            trustedComment: found.signature.trustedComment,
          },
    ),
  };
}

function outlineOrFail({ path, sections }: PackageFile): Outline {
  try {
    return outlineOf(sections);
  } catch (thrown) {
    if (!(thrown instanceof MalformedBinary)) throw thrown;
    throw new CommandError(EXIT.failed, `Cannot read ${path}: ${thrown.message}`);
  }
}

function rowsOf(facts: Facts): string[][] {
  const { memory } = facts;
  return [
    ['file', facts.file],
    ['size', formatSize(facts.size)],
    ['digest', facts.digest],
    ...(facts.manifest === null ? [] : manifestRows(facts.manifest)),
    ...facts.problems.map((problem) => ['problem', problem]),
    ...facts.imports.map(({ module, name, signature }) => [
      'import',
      `${module} ${name} (${signature ?? ''})`,
    ]),
    ...facts.exports.map(({ name, kind, signature }) => [
      'export',
      kind === 'function' ? `${name} (${signature ?? ''})` : `${name}, a ${kind}`,
    ]),
    [
      'memory',
      memory === null
        ? 'none'
        : `${memory.minimum * 64} KiB at first, ${memory.maximum === null ? 'no maximum' : `${memory.maximum * 64} KiB at most`}`,
    ],
    ...facts.signatures.map((found) => [
      'signature',
      'problem' in found
        ? `${found.file}: ${found.problem}`
        : `${found.file}: not verified; key ${found.key}, ${found.trustedComment.replaceAll('\t', ' ')}`,
    ]),
  ];
}
