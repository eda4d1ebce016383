import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describeError } from '../base/errors.ts';
import type { ManifestRead } from '../ocp/manifest.ts';
import { MalformedBinary, readSections, type WasmSection } from '../sandbox/binary.ts';
import { parseSignature, type Signature } from '../sandbox/minisign.ts';
import { manifestIn } from '../sandbox/package.ts';
import { readPluginFile } from '../sandbox/plugin-module.ts';
import { CommandError, EXIT } from './exit.ts';

/** A package's file, as far as it can be read without running it. */
export interface PackageFile {
  readonly path: string;
  readonly binary: Uint8Array;
  readonly sections: readonly WasmSection[];
  /** Undefined where there is none. */
  readonly manifest: ManifestRead | undefined;
}

/** Reads it, or ends the command: exit code 3 where there is no file, 1 where it is no module. */
export async function readPackage(path: string): Promise<PackageFile> {
  const file = await readPluginFile(path);
  if ('reasons' in file) {
    const code = file.isMissing ? EXIT.notFound : EXIT.failed;
    throw new CommandError(code, `Cannot read ${path}: ${file.reasons.join('; ')}`);
  }
  try {
    const sections = readSections(file.binary);
    return { path, binary: file.binary, sections, manifest: manifestIn(sections) };
  } catch (thrown) {
    if (!(thrown instanceof MalformedBinary)) throw thrown;
    throw new CommandError(EXIT.failed, `Cannot read ${path}: ${thrown.message}`);
  }
}

/** A file beside a package that should be its signature. */
export type FoundSignature = { readonly file: string } & (
  { readonly signature: Signature } | { readonly problem: string }
);

/** What minisign writes has some hundred octets, most of it the comment. */
const SIGNATURE_SIZE_LIMIT = 16 * 1024;

/** The signatures `FILE.minisig` and `FILE.<anything>.minisig`, of which a package signed by several has several. */
export async function signaturesBeside(path: string): Promise<FoundSignature[]> {
  const name = basename(path);
  const files = readdirSync(dirname(path))
    .filter((file) => file.startsWith(`${name}.`) && file.endsWith('.minisig'))
    .sort()
    .map((file) => join(dirname(path), file));
  return Promise.all(files.map(readSignature));
}

/** Reads one signature's file. */
export async function readSignature(file: string): Promise<FoundSignature> {
  try {
    const text = await readFile(file, 'utf8');
    if (text.length > SIGNATURE_SIZE_LIMIT) return { file, problem: 'it is too long for a signature' };
    return { file, signature: parseSignature(text) };
  } catch (thrown) {
    return { file, problem: describeError(thrown) };
  }
}
