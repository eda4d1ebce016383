import type { Command } from 'commander';
import { silentLog } from '../base/log.ts';
import { STAGES } from '../ocp/stage.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { EXIT } from './exit.ts';
import { printJson, printTable } from './output.ts';
import { addBenchCommand } from './plugin-bench.ts';
import { addBuildCommand } from './plugin-build.ts';
import { addInspectCommand } from './plugin-inspect.ts';
import { addNewCommand } from './plugin-new.ts';
import { addPackCommands } from './plugin-pack.ts';
import { addRunPluginCommand } from './plugin-run.ts';
import { addSignCommands } from './plugin-sign.ts';
import { pluginWhere } from './plugin-source.ts';
import { openSandbox } from './plugins.ts';
import { addTestCommand } from './plugin-test.ts';

/** `postern plugin`: the services of the config and the plugins behind them, and the packages that plugins come in. */
export function addPluginCommand(program: Command, common: (command: Command) => Command): void {
  const plugin = program
    .command('plugin')
    .description('The filters: make, build, test, inspect, pack, sign and list them');

  common(plugin.command('list'))
    .description(
      'Load every service and list its plugin, the stages it answers, and its policy; exit code 2 if one is unfit',
    )
    .option('--json', 'print a JSON array')
    .action(async (options: CommonOptions & { json?: boolean }) => {
      const loaded = loadOrFail(options.config);
      const { config } = loaded;
      const { sandbox, problems } = await openSandbox(loaded, { log: silentLog });
      const services = config.services.map((service) => ({
        service: service.name,
        plugin: pluginWhere(service.plugin, config.pluginDirectory),
        enabled: service.enabled,
        stages: STAGES.filter((stage) => sandbox.answers(service.name, stage)),
        mode: service.mode,
        allowModify: service.allowModify,
        onFailure: service.onFailure,
        groups: config.groups
          .filter(({ entries }) => entries.some((entry) => entry.service === service.name))
          .map(({ name }) => name),
      }));
      await sandbox.close();
      if (options.json === true) {
        printJson(services);
      } else {
        const columns = ['SERVICE', 'STAGES', 'MODE', 'MODIFIES', 'GROUPS', 'PLUGIN'];
        const rows = services.map((one) => [
          one.service,
          one.stages.join(','),
          one.enabled ? one.mode : 'disabled',
          one.allowModify ? 'yes' : 'no',
          one.groups.join(','),
          one.plugin,
        ]);
        printTable(columns, rows);
      }
      for (const problem of problems) process.stderr.write(`${problem}\n`);
      if (problems.length > 0) process.exitCode = EXIT.usage;
    });

  addNewCommand(plugin);
  addBuildCommand(plugin);
  addTestCommand(plugin);
  addRunPluginCommand(plugin);
  addBenchCommand(plugin);
  addInspectCommand(plugin);
  addPackCommands(plugin);
  addSignCommands(plugin);
}
