import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, OperationalError } from '../base/errors.ts';
import type { Config } from '../config/config.ts';
import { suggest } from '../config/suggest.ts';
import type { Manifest } from '../ocp/manifest.ts';
import { formatPackageName, parsePackageName, type PackageName } from '../ocp/package-name.ts';
import { MalformedBinary, readSections } from '../sandbox/binary.ts';
import { parseSignature, type Signature } from '../sandbox/minisign.ts';
import { PackageStore } from '../sandbox/package-store.ts';
import { manifestIn } from '../sandbox/package.ts';
import { readPluginFile } from '../sandbox/plugin-module.ts';
import { signaturesBeside } from '../sandbox/signature-files.ts';
import { judge } from '../sandbox/trust.ts';
import { whatIsInstalled } from './installed.ts';
import { packagesDirectory } from './state-dir.ts';
import { trustPolicyOf } from './trust-policy.ts';

/**
 * A plugin as its service names it: its octets, read once and judged by the config's policy, which are those that get compiled.
 * `where` is a path or `vendor/name@version`.
 */
export type PluginRead = { readonly where: string } & (
  JudgedPlugin | { readonly reasons: readonly string[] }
);

interface JudgedPlugin {
  readonly binary: Uint8Array;
  /** Undefined for a module without one, which only a path can name. */
  readonly manifest: Manifest | undefined;
  /** From the package store: what it asks for needs the operator's consent. */
  readonly isInstalled: boolean;
  /** No signature stands for it, and it is not part of Postern. */
  readonly isUnsigned: boolean;
}

/** Where a plugin is from, for people: the name of an installed package, or a path. */
export function pluginWhere(plugin: string, directory: string): string {
  return parsePackageName(plugin) === undefined ? pluginPath(plugin, directory) : plugin;
}

/** The file of a plugin: a path is taken as it is, a name is looked up in the plugin directory. */
function pluginPath(plugin: string, directory: string): string {
  if (plugin.endsWith('.wasm')) return plugin;
  const own = join(directory, plugin, `${plugin}.wasm`);
  return existsSync(own) ? own : join(directory, `${plugin}.wasm`);
}

/** Reads the plugin of a service. Whatever is wrong with it is in `reasons`. */
export async function readPlugin(plugin: string, config: Config): Promise<PluginRead> {
  const name = parsePackageName(plugin);
  try {
    return name === undefined ? await readFromFile(plugin, config) : await readInstalled(name, config);
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    return { where: plugin, reasons: [describeError(error)] };
  }
}

async function readInstalled(name: PackageName, config: Config): Promise<PluginRead> {
  const where = formatPackageName(name);
  const store = new PackageStore(packagesDirectory(config));
  const record = await store.find(name);
  if (record === undefined) {
    const there = await whatIsInstalled(store, name.id);
    return { where, reasons: [`it is not installed: ${there}; postern plugin install adds it`] };
  }
  const read = judged(await store.read(record), {
    where,
    config,
    signatures: record.signatures.map(parseSignature),
  });
  if ('reasons' in read) return read;
  const { manifest } = read;
  // The record is only a file: what was signed says which package this is.
  if (manifest === undefined || formatPackageName(manifest) !== where) {
    const found = manifest === undefined ? 'has no manifest' : `is ${formatPackageName(manifest)}`;
    return { where, reasons: [`what is installed under this name ${found}; install it again`] };
  }
  return { ...read, isInstalled: true };
}

async function readFromFile(plugin: string, config: Config): Promise<PluginRead> {
  const where = pluginPath(plugin, config.pluginDirectory);
  const file = await readPluginFile(where);
  if ('reasons' in file) {
    const isName = file.isMissing && !plugin.endsWith('.wasm');
    const hint = isName ? `; ${suggest(plugin, await namesIn(config.pluginDirectory))}` : '';
    return { where, reasons: file.reasons.map((reason) => reason + hint) };
  }
  // What ships with Postern is part of the program, as its own code is.
  const isOwn = config.isShippedPluginDirectory && !plugin.endsWith('.wasm');
  const found = isOwn ? [] : await signaturesBeside(where);
  const signatures = found.flatMap((one) => ('signature' in one ? [one.signature] : []));
  const read = judged(file.binary, { where, config, signatures, isOwn });
  if (!('reasons' in read)) return read;
  const unread = found.flatMap((one) => ('problem' in one ? [`${one.from}: ${one.problem}`] : []));
  return { where, reasons: [...read.reasons, ...unread] };
}

/** The plugins that a name can stand for. */
async function namesIn(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
  const names = entries.flatMap((entry) =>
    entry.isDirectory() ? entry.name : entry.name.endsWith('.wasm') ? entry.name.slice(0, -5) : [],
  );
  return [...new Set(names)].filter((name) => existsSync(pluginPath(name, directory))).sort();
}

function judged(
  binary: Uint8Array,
  options: { where: string; config: Config; signatures: readonly Signature[]; isOwn?: boolean },
): PluginRead {
  const { where, config, signatures, isOwn = false } = options;
  const read = manifestOf(binary);
  if ('reasons' in read) return { where, reasons: read.reasons };
  const { manifest } = read;
  const plugin = { where, binary, manifest, isInstalled: false };
  if (isOwn) return { ...plugin, isUnsigned: false };
  const judgement = judge({ id: manifest?.id, content: binary, signatures }, trustPolicyOf(config.plugins));
  if (judgement.trusted) return { ...plugin, isUnsigned: judgement.signedBy.length === 0 };
  const hint = 'plugins.trust, plugins.revoked and plugins.allowUnsigned say what may run';
  return { where, reasons: [`it is not trusted: ${judgement.reason}; ${hint}`] };
}

/** The manifest of a module, if it has one. */
function manifestOf(
  binary: Uint8Array,
): { readonly manifest: Manifest | undefined } | { readonly reasons: readonly string[] } {
  try {
    return manifestIn(readSections(binary)) ?? { manifest: undefined };
  } catch (thrown) {
    if (!(thrown instanceof MalformedBinary)) throw thrown;
    return { reasons: [thrown.message] };
  }
}
