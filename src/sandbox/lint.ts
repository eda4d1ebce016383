import { DEFAULT_LIMITS } from '../ocp/service.ts';
import { SECTION, type WasmSection } from './binary.ts';
import { manifestIn, withoutManifest } from './package.ts';
import { compilePlugin } from './plugin-module.ts';
import { settingsSchemaFault } from './settings-check.ts';

/** What an author should know before an operator does. */
export interface Lint {
  /** Why Postern would refuse the package, or an operator could not judge it. */
  readonly problems: readonly string[];
  /** What would work, and could be better. */
  readonly warnings: readonly string[];
}

/** Octets of names and debug information that are worth a word. */
const CUSTOM_LIMIT = 16 * 1024;

/** Loads a package as a server would, without running anything of it. `sections` are the binary's. */
export async function lintPackage(binary: Uint8Array, sections: readonly WasmSection[]): Promise<Lint> {
  const read = manifestIn(sections);
  const manifest = read !== undefined && 'manifest' in read ? read.manifest : undefined;
  const memoryMiB = manifest?.limits.memoryMiB ?? DEFAULT_LIMITS.memoryMiB;
  const loaded = await compilePlugin(binary, { memoryMiB });
  const problems = 'reasons' in loaded ? [...loaded.reasons] : [];
  if (read === undefined) problems.push('it has no manifest; postern plugin pack adds one');
  const schemaFault =
    manifest?.settings === undefined ? undefined : await settingsSchemaFault(manifest.settings);
  if (schemaFault !== undefined) problems.push(`its schema of settings ${schemaFault}`);
  const warnings = sizeWarnings(sections);
  if (manifest !== undefined && 'plugin' in loaded) {
    const { hasConfigure } = loaded.plugin;
    if (hasConfigure && manifest.settings === undefined)
      warnings.push('it exports "configure", but its manifest has no schema of its settings');
    if (!hasConfigure && manifest.settings !== undefined)
      warnings.push(
        'its manifest has a schema of its settings, but it exports no "configure" that checks them',
      );
  }
  return { problems, warnings };
}

function sizeWarnings(sections: readonly WasmSection[]): string[] {
  const custom = withoutManifest(sections).filter(({ id }) => id === SECTION.custom);
  let octets = 0;
  for (const { body } of custom) octets += body.length;
  if (octets <= CUSTOM_LIMIT) return [];
  return [`${octets} octets of it are names and debugging; a build for release leaves them out`];
}
