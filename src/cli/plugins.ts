import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { ManifestRead } from '../ocp/manifest.ts';
import type { CalloutService, Service } from '../ocp/service.ts';
import { MalformedBinary, readSections } from '../sandbox/binary.ts';
import { manifestIn } from '../sandbox/package.ts';
import { readPluginFile } from '../sandbox/plugin-module.ts';
import { createSandbox, type PluginSource } from '../sandbox/sandbox.ts';
import { effectiveService, type ServiceFinding } from './effective-service.ts';

/** The file of a plugin: a path is taken as it is, a name is looked up in the plugin directory. */
export function pluginPath(plugin: string, directory: string): string {
  if (plugin.endsWith('.wasm')) return plugin;
  const own = join(directory, plugin, `${plugin}.wasm`);
  return existsSync(own) ? own : join(directory, `${plugin}.wasm`);
}

export interface OpenedSandbox {
  readonly sandbox: CalloutService;
  /** Those that are enabled and fit, with what their packages say filled in. */
  readonly services: readonly Service[];
  /** One line with file and place for each thing that keeps a service from running. */
  readonly problems: string[];
  /** The same for what is allowed and may be a mistake. */
  readonly warnings: string[];
}

/**
 * The sandbox for a config's services. Each plugin is read once, and what was read is what is judged, what its service is made from, and
 * what is compiled.
 */
export async function openSandbox({ config, problemAt }: LoadedConfig, log: Log): Promise<OpenedSandbox> {
  const enabled = config.services.filter((service) => service.enabled);
  const sources = await readPlugins(new Set(enabled.map(({ plugin }) => plugin)), config.pluginDirectory);
  const services: Service[] = [];
  const problems: string[] = [];
  const warnings: string[] = [];
  for (const said of enabled) {
    const at = ({ path, message }: ServiceFinding): string =>
      formatProblem(problemAt(['services', said.name, ...path], message));
    const effective = effectiveService(said, manifestOf(sources.get(said.plugin)!));
    problems.push(...effective.problems.map(at));
    warnings.push(...effective.warnings.map(at));
    if (effective.problems.length === 0) services.push(effective.service);
  }
  const { sandbox, problems: found } = await createSandbox({
    services,
    readPlugin: async (plugin) => sources.get(plugin)!,
    log,
    ...config.sandbox,
  });
  for (const { service, where, reason } of found)
    problems.push(formatProblem(problemAt(['services', service, 'plugin'], `${where}: ${reason}`)));
  return { sandbox, services, problems, warnings };
}

async function readPlugins(plugins: Iterable<string>, directory: string): Promise<Map<string, PluginSource>> {
  const read = [...plugins].map(async (plugin): Promise<[string, PluginSource]> => {
    const where = pluginPath(plugin, directory);
    return [plugin, { where, ...(await readPluginFile(where)) }];
  });
  return new Map(await Promise.all(read));
}

/** What is wrong with a module or its manifest is for the sandbox to find. */
function manifestOf(source: PluginSource) {
  if ('reasons' in source) return undefined;
  let read: ManifestRead | undefined;
  try {
    read = manifestIn(readSections(source.binary));
  } catch (thrown) {
    if (!(thrown instanceof MalformedBinary)) throw thrown;
  }
  return read !== undefined && 'manifest' in read ? read.manifest : undefined;
}
