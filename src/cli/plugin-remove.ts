import type { Command } from 'commander';
import { loadOrFail, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { notInstalled, storeOf } from './installed.ts';
import { packageNameOrFail } from './package-file.ts';

/** `postern plugin remove`: takes one version out of the store. */
export function addRemoveCommand(plugin: Command, common: (command: Command) => Command): void {
  common(plugin.command('remove <vendor/name@version>'))
    .description('Take an installed version out of the store; refused while the config names it')
    .addHelpText(
      'after',
      `
With it goes the record that it ran; with the last version of a package also what was consented to.

Exit codes: 0 removed; 1 a service of the config names it, disabled ones included; 2 wrong usage or a config that does not check;
3 it is not installed.`,
    )
    .action(async (text: string, options: CommonOptions) => {
      const { config } = loadOrFail(options.config);
      const name = packageNameOrFail(text);
      const store = storeOf(config);
      const record = await store.find(name);
      if (record === undefined) throw await notInstalled(config, { text, id: name.id });
      const users = config.services.filter(({ plugin }) => plugin === text).map((service) => service.name);
      if (users.length > 0) {
        const why = `the config names it for ${users.join(', ')}; give them another plugin or take them out first`;
        throw new CommandError(EXIT.failed, `Cannot remove ${text}: ${why}`);
      }
      await store.remove(record);
      process.stdout.write(`${text}: removed\n`);
    });
}
