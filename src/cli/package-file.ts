import type { Manifest, ManifestRead } from '../ocp/manifest.ts';
import { parsePackageName, type PackageName } from '../ocp/package-name.ts';
import { MalformedBinary, readSections, type WasmSection } from '../sandbox/binary.ts';
import { manifestIn } from '../sandbox/package.ts';
import { readPluginFile } from '../sandbox/plugin-module.ts';
import { CommandError, EXIT } from './exit.ts';

/** A package, as far as it can be read without running it. */
export interface PackageFile {
  /** Where it is from, for people. */
  readonly path: string;
  readonly binary: Uint8Array;
  readonly sections: readonly WasmSection[];
  /** Undefined where there is none. */
  readonly manifest: ManifestRead | undefined;
}

/** Reads a file, or ends the command: exit code 3 where there is none, 1 where it is no module. */
export async function readPackage(path: string): Promise<PackageFile> {
  const file = await readPluginFile(path);
  if ('reasons' in file) {
    const code = file.isMissing ? EXIT.notFound : EXIT.failed;
    throw new CommandError(code, `Cannot read ${path}: ${file.reasons.join('; ')}`);
  }
  return packageOf(path, file.binary);
}

/** The package in these octets, or the end of the command with exit code 1. */
export function packageOf(path: string, binary: Uint8Array): PackageFile {
  try {
    const sections = readSections(binary);
    return { path, binary, sections, manifest: manifestIn(sections) };
  } catch (thrown) {
    if (!(thrown instanceof MalformedBinary)) throw thrown;
    throw new CommandError(EXIT.failed, `Cannot read ${path}: ${thrown.message}`);
  }
}

/** Its manifest, or the end of the command with exit code 1. */
export function manifestOrFail({ path, manifest }: PackageFile, what: string): Manifest {
  if (manifest === undefined) {
    const hint = 'it has no manifest; postern plugin pack adds one';
    throw new CommandError(EXIT.failed, `Cannot ${what} ${path}: ${hint}`);
  }
  if ('manifest' in manifest) return manifest.manifest;
  throw new CommandError(EXIT.failed, `Cannot ${what} ${path}: ${manifest.reasons.join('; ')}`);
}

/** Reads `vendor/name@version`, or ends the command: wrong usage. */
export function packageNameOrFail(text: string): PackageName {
  const name = parsePackageName(text);
  if (name !== undefined) return name;
  throw new CommandError(EXIT.usage, `Cannot use "${text}": must be a package such as acme/footer@1.2.0`);
}
