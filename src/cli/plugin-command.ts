import type { Command } from 'commander';
import { addBenchCommand } from './plugin-bench.ts';
import { addBuildCommand } from './plugin-build.ts';
import { addEnableCommands } from './plugin-enable.ts';
import { addGrantCommands } from './plugin-grant.ts';
import { addInspectCommand } from './plugin-inspect.ts';
import { addInstallCommand } from './plugin-install.ts';
import { addListCommand } from './plugin-list.ts';
import { addNewCommand } from './plugin-new.ts';
import { addPackCommands } from './plugin-pack.ts';
import { addPushCommand } from './plugin-push.ts';
import { addRemoveCommand } from './plugin-remove.ts';
import { addRunPluginCommand } from './plugin-run.ts';
import { addSignCommands } from './plugin-sign.ts';
import { addStatusCommand } from './plugin-status.ts';
import { addTestCommand } from './plugin-test.ts';
import { addUpgradeCommands } from './plugin-upgrade.ts';
import { addVerifyCommand } from './plugin-verify.ts';

/** `postern plugin`: plugins, the packages that they come in, and the services that run them. */
export function addPluginCommand(program: Command, common: (command: Command) => Command): void {
  const plugin = program
    .command('plugin')
    .description('The filters: make, build, test, pack, sign, install, list and watch them');

  addListCommand(plugin, common);
  addInstallCommand(plugin, common);
  addRemoveCommand(plugin, common);
  addNewCommand(plugin);
  addBuildCommand(plugin);
  addTestCommand(plugin);
  addRunPluginCommand(plugin);
  addBenchCommand(plugin);
  addStatusCommand(plugin, common);
  addEnableCommands(plugin, common);
  addGrantCommands(plugin, common);
  addUpgradeCommands(plugin, common);
  addInspectCommand(plugin);
  addPackCommands(plugin);
  addSignCommands(plugin);
  addVerifyCommand(plugin);
  addPushCommand(plugin);
}
