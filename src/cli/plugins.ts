import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../base/log.ts';
import type { LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { readPluginFile } from '../sandbox/plugin-module.ts';
import { createSandbox } from '../sandbox/sandbox.ts';

/** The file of a plugin: a path is taken as it is, a name is looked up in the plugin directory. */
export function pluginPath(plugin: string, directory: string): string {
  if (plugin.endsWith('.wasm')) return plugin;
  const own = join(directory, plugin, `${plugin}.wasm`);
  return existsSync(own) ? own : join(directory, `${plugin}.wasm`);
}

/** The sandbox for a config's services, and one line with file and place for each that is not fit to run. */
export async function openSandbox({ config, problemAt }: LoadedConfig, log: Log) {
  const { sandbox, problems } = await createSandbox({
    services: config.services,
    readPlugin: async (plugin) => {
      const where = pluginPath(plugin, config.pluginDirectory);
      return { where, ...(await readPluginFile(where)) };
    },
    log,
    ...config.sandbox,
  });
  return {
    sandbox,
    problems: problems.map(({ service, where, reason }) =>
      formatProblem(problemAt(['services', service, 'plugin'], `${where}: ${reason}`)),
    ),
  };
}
