import type { Command } from 'commander';
import { auditManifest } from '../sandbox/audit.ts';
import { MalformedBinary } from '../sandbox/binary.ts';
import { displayId } from '../sandbox/minisign.ts';
import { digestOf } from '../sandbox/digest.ts';
import { signaturesBeside, type FoundSignature } from '../sandbox/signature-files.ts';
import { outlineOf, type Outline } from '../sandbox/outline.ts';
import { CommandError, EXIT } from './exit.ts';
import { formatSize, printJson, printTable } from './output.ts';
import { readPackage, type PackageFile } from './package-file.ts';

/** `postern plugin inspect`: what a package says of itself and what its module shows, without running or compiling it. */
export function addInspectCommand(plugin: Command): void {
  plugin
    .command('inspect <file>')
    .description("Show a package's manifest, digest, imports, exports and signatures; nothing of it is run")
    .option('--json', 'print a JSON object')
    .addHelpText(
      'after',
      `
A signature is listed as it is found beside the file (FILE.minisig, FILE.*.minisig), not verified: postern plugin verify
does that. "problems" is where manifest and module disagree.

Exit codes: 0 shown, whatever it says; 1 the file is no WebAssembly module; 3 there is no such file.`,
    )
    .action(async (path: string, options: { json?: boolean }) => {
      const facts = factsOf(await readPackage(path), await signaturesBeside(path));
      if (options.json === true) return printJson(facts);
      printTable(['FIELD', 'VALUE'], rowsOf(facts));
    });
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

function manifestRows(manifest: NonNullable<Facts['manifest']>): string[][] {
  const { capabilities, limits, settings } = manifest;
  const asked = (kind: 'required' | 'optional'): string[][] =>
    capabilities[kind].map(({ name, reason, args }) => [
      `${kind} capability`,
      `${name}: ${reason}${args === undefined ? '' : ` ${JSON.stringify(args)}`}`,
    ]);
  return [
    ['id', manifest.id],
    ['version', manifest.version],
    ['abi', String(manifest.abi)],
    ['title', manifest.title],
    ['description', manifest.description],
    ['stages', manifest.stages.join(' ')],
    ['reads', manifest.reads],
    ['modifies', manifest.modifies ? 'yes' : 'no'],
    ...asked('required'),
    ...asked('optional'),
    ...Object.entries(limits).map(([name, limit]) => ['limit', `${name} ${limit}`]),
    ['settings', settings === undefined ? 'no schema' : Object.keys(propertiesOf(settings)).join(' ')],
    ['bypassable', manifest.bypassable ? 'yes' : 'no'],
    ...(manifest.homepage === undefined ? [] : [['homepage', manifest.homepage]]),
    ...(manifest.license === undefined ? [] : [['license', manifest.license]]),
  ];
}

function propertiesOf({ properties }: Readonly<Record<string, unknown>>): object {
  return typeof properties === 'object' && properties !== null ? properties : {};
}
