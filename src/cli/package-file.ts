import type { ManifestRead } from '../ocp/manifest.ts';
import { MalformedBinary, readSections, type WasmSection } from '../sandbox/binary.ts';
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
