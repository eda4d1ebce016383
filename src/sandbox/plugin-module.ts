import { readFile, stat } from 'node:fs/promises';
import { describeError } from '../base/errors.ts';
import { exportOf, STAGES, type Stage } from '../ocp/stage.ts';
import { auditManifest } from './audit.ts';
import { MalformedBinary, readSections, SECTION, writeSections } from './binary.ts';
import { capSections } from './caps.ts';
import { ABI_MARKER, importFault } from './imports.ts';
import { outlineOf, type Outline } from './outline.ts';
import { manifestIn } from './package.ts';

/**
 * A plugin's file, checked and compiled: its binary is walked, its imports and exports are audited, its memory and tables are
 * capped, and then the engine validates the rest. Everything that is wrong is a reason in words, never an exception.
 */
export interface PluginModule {
  /** Shared between threads, not copied. */
  readonly module: WebAssembly.Module;
  /** Stages that it has an export for. */
  readonly stages: ReadonlySet<Stage>;
  readonly hasConfigure: boolean;
  /** Its manifest asks for the table of parts. */
  readonly wantsParts: boolean;
  /** Its manifest says that it reads the body, or it has none. */
  readonly readsBody: boolean;
}

export type Loaded = { readonly plugin: PluginModule } | { readonly reasons: readonly string[] };

/** Octets that a plugin's file may have. */
export const FILE_SIZE_LIMIT = 64 * 1024 * 1024;

const EXPORT_SIGNATURE = '-> i32';

/** The octets of a plugin's file. */
export async function readPluginFile(path: string): Promise<PluginFile> {
  try {
    const { size } = await stat(path);
    if (size > FILE_SIZE_LIMIT) {
      const reason = `the file has ${size} octets, at most ${FILE_SIZE_LIMIT} are allowed`;
      return { reasons: [reason], isMissing: false };
    }
    return { binary: await readFile(path) };
  } catch (thrown) {
    return isMissing(thrown)
      ? { reasons: ['there is no such file'], isMissing: true }
      : { reasons: [`it can't be read: ${describeError(thrown)}`], isMissing: false };
  }
}

export type PluginFile =
  { readonly binary: Uint8Array } | { readonly reasons: readonly string[]; readonly isMissing: boolean };

/** A plugin's binary, checked in all that can be without the engine. */
export interface CheckedPlugin extends Omit<PluginModule, 'module'> {
  /** Capped, and without what does not run. */
  readonly binary: Uint8Array;
}

/** Checks a plugin for services whose memory limit is `memoryMiB`. Nothing of it reaches the engine. */
export function checkPlugin(
  binary: Uint8Array,
  options: { memoryMiB: number },
): { readonly plugin: CheckedPlugin } | { readonly reasons: readonly string[] } {
  try {
    const sections = readSections(binary);
    const outline = outlineOf(sections);
    const read = manifestIn(sections);
    const reasons = [...audit(outline), ...packageFaults(read, outline)];
    if (reasons.length > 0) return { reasons };
    // Names and debug sections would only be copied along.
    const needed = capSections(sections, options).filter(({ id }) => id !== SECTION.custom);
    const stages = STAGES.filter((stage) => outline.exports.some(({ name }) => name === exportOf(stage)));
    const hasConfigure = outline.exports.some(({ name }) => name === 'configure');
    const wantsParts = read !== undefined && 'manifest' in read && read.manifest.parts;
    const readsBody = read === undefined || ('manifest' in read && read.manifest.reads === 'body');
    const plugin = { stages: new Set(stages), hasConfigure, wantsParts, readsBody };
    return { plugin: { binary: writeSections(needed), ...plugin } };
  } catch (thrown) {
    if (thrown instanceof MalformedBinary) return { reasons: [thrown.message] };
    throw thrown;
  }
}

/** Loads a plugin for services whose memory limit is `memoryMiB`. */
export async function compilePlugin(binary: Uint8Array, options: { memoryMiB: number }): Promise<Loaded> {
  const checked = checkPlugin(binary, options);
  if ('reasons' in checked) return checked;
  const { binary: capped, ...found } = checked.plugin;
  try {
    const module = await WebAssembly.compile(capped);
    return { plugin: { module, ...found } };
  } catch (thrown) {
    if (thrown instanceof WebAssembly.CompileError)
      return { reasons: [`it is malformed: ${thrown.message}`] };
    throw thrown;
  }
}

function audit(outline: Outline): string[] {
  const reasons = new Set<string>();
  for (const imported of outline.imports) {
    const fault = importFault(imported);
    if (fault !== undefined) reasons.add(fault);
  }
  const { exports } = outline;
  if (!exports.some(({ name, kind }) => name === ABI_MARKER && (kind === 'function' || kind === 'global'))) {
    reasons.add(`it has no export "${ABI_MARKER}", so it was not written for this version of Postern`);
  }
  const called = new Set<string>(['configure', ...STAGES.map(exportOf)]);
  for (const { name, kind, signature } of exports) {
    if (!called.has(name) || (kind === 'function' && signature === EXPORT_SIGNATURE)) continue;
    const found = kind === 'function' ? `(${signature})` : `a ${kind}`;
    reasons.add(`its export "${name}" is ${found}, it must be a function (${EXPORT_SIGNATURE})`);
  }
  const needsMemory = outline.imports.some(({ module }) => !module.startsWith('extism:'));
  if (needsMemory && !exports.some(({ name, kind }) => name === 'memory' && kind === 'memory')) {
    reasons.add('it does not export its memory as "memory"');
  }
  return [...reasons];
}

/** A module without a manifest is accepted; one that has a manifest must agree with it. */
function packageFaults(read: ReturnType<typeof manifestIn>, outline: Outline): readonly string[] {
  if (read === undefined) return [];
  return 'reasons' in read ? read.reasons : auditManifest(outline, read.manifest);
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === 'ENOENT';
}
