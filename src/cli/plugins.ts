import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { silentLog, type Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import { createSandbox } from '../sandbox/sandbox.ts';

/** The file of a plugin: a path is taken as it is, a name is looked up in the plugin directory. */
export function pluginPath(plugin: string, directory: string): string {
  if (plugin.endsWith('.wasm')) return plugin;
  const own = join(directory, plugin, `${plugin}.wasm`);
  return existsSync(own) ? own : join(directory, `${plugin}.wasm`);
}

/** Loads and configures every service as `run` would, and says what is wrong with any. */
export async function checkPlugins(config: Config): Promise<string[]> {
  const { sandbox, problems } = await openSandbox(config, silentLog);
  await sandbox.close();
  return problems;
}

/** The sandbox for a config's services, and one line for each that is not fit to run. */
export async function openSandbox(config: Config, log: Log) {
  const { sandbox, problems } = await createSandbox({
    services: config.services,
    resolvePlugin: (plugin) => pluginPath(plugin, config.pluginDirectory),
    log,
    ...config.sandbox,
  });
  return {
    sandbox,
    problems: problems.map(({ service, path, reason }) => `services.${service}: ${path}: ${reason}`),
  };
}
