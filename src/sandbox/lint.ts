import type { Manifest } from '../ocp/manifest.ts';
import { DEFAULT_LIMITS } from '../ocp/service.ts';
import { BinaryReader, MalformedBinary, SECTION, type WasmSection } from './binary.ts';
import { PAGE_SIZE } from './caps.ts';
import { outlineOf } from './outline.ts';
import { manifestIn, withoutManifest } from './package.ts';
import { compilePlugin, type PluginModule } from './plugin-module.ts';
import { settingsSchemaFault } from './settings-check.ts';

/** What an author should know before an operator does. */
export interface Lint {
  /** Why Postern would refuse the package, or an operator could not judge it. */
  readonly problems: readonly string[];
  /** What would work, and could be better. */
  readonly warnings: readonly string[];
}

const MiB = 1024 * 1024;

/** Octets of names and debug information that are worth a word. */
const CUSTOM_LIMIT = 16 * 1024;
/** Octets of a package that are: Go's runtime has 1.7 MB. */
const SIZE_LIMIT = 2 * MiB;
/** A reason that is shorter says hardly more than the capability's name. */
const SHORTEST_REASON = 15;

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
  const warnings = sizeWarnings(binary, sections);
  if (manifest !== undefined && 'plugin' in loaded) {
    warnings.push(
      ...memoryWarnings(sections, memoryMiB),
      ...settingsWarnings(manifest, loaded.plugin),
      ...reasonWarnings(manifest),
    );
    if (manifest.homepage === undefined)
      warnings.push('its manifest has no homepage, where an operator could learn more and report faults');
  }
  return { problems, warnings };
}

function sizeWarnings(binary: Uint8Array, sections: readonly WasmSection[]): string[] {
  const warnings: string[] = [];
  if (binary.length > SIZE_LIMIT)
    warnings.push(
      `it has ${binary.length} octets; over ${SIZE_LIMIT} it takes long to load: is it built for release?`,
    );
  const custom = withoutManifest(sections).filter(({ id }) => id === SECTION.custom);
  const octets = custom.reduce((sum, { body }) => sum + body.length, 0);
  if (octets > CUSTOM_LIMIT) {
    const names = [...new Set(custom.map(sectionName))].join(', ');
    warnings.push(
      `${octets} octets of it are names and debugging (${names}); a build for release leaves them out`,
    );
  }
  return warnings;
}

function sectionName({ body }: WasmSection): string {
  try {
    return JSON.stringify(new BinaryReader(body).name().slice(0, 40));
  } catch (thrown) {
    if (thrown instanceof MalformedBinary) return 'one without a name';
    throw thrown;
  }
}

/** Every call begins with this much, and what is left is all that a large message can make it need. */
function memoryWarnings(sections: readonly WasmSection[], memoryMiB: number): string[] {
  const { memory } = outlineOf(sections);
  if (memory === undefined) return [];
  const [least, allowed] = [memory.minimum * PAGE_SIZE, memoryMiB * MiB];
  return least * 2 > allowed
    ? [
        `it needs ${(least / MiB).toFixed(1)} MiB of memory from the start, more than half of its limit of ${memoryMiB} MiB; limits.memoryMiB of its manifest sets one`,
      ]
    : [];
}

function settingsWarnings({ settings }: Manifest, { hasConfigure }: PluginModule): string[] {
  if (settings === undefined) {
    return hasConfigure ? ['it exports "configure", but its manifest has no schema of its settings'] : [];
  }
  const undescribed = Object.entries(propertiesOf(settings))
    .filter(([, schema]) => typeof schema !== 'object' || schema === null || !('description' in schema))
    .map(([name]) => JSON.stringify(name));
  return [
    ...(hasConfigure
      ? []
      : ['its manifest has a schema of its settings, but it exports no "configure" that checks them']),
    ...(undescribed.length === 0
      ? []
      : [`its schema of settings has no description of ${undescribed.join(', ')}`]),
  ];
}

function propertiesOf({ properties }: Readonly<Record<string, unknown>>): object {
  return typeof properties === 'object' && properties !== null ? properties : {};
}

function reasonWarnings({ capabilities }: Manifest): string[] {
  return [...capabilities.required, ...capabilities.optional]
    .filter(({ reason }) => reason.trim().length < SHORTEST_REASON)
    .map(
      ({ name, reason }) =>
        `its reason for ${name} is ${JSON.stringify(reason)}, by which no operator can judge whether to grant it`,
    );
}
