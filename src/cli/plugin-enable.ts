import { Option, type Command } from 'commander';
import type { Edit } from '../config/edit.ts';
import type { LoadedConfig } from '../config/load.ts';
import { suggest } from '../config/suggest.ts';
import { formatPackageName } from '../ocp/package-name.ts';
import { changeConfig } from './config-change.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { packageOrFail, recordRuns } from './installed.ts';
import { GRANT_HELP, GRANT_OPTION, grantExample, grantsFrom } from './grant-words.ts';
import { CHANGE_HELP, serviceOrFail } from './plugin-grant.ts';
import { collect } from './plugin-verify.ts';
import { readSettings } from './settings-file.ts';

interface EnableOptions extends CommonOptions {
  readonly mode?: 'monitor' | 'enforce';
  readonly service?: string;
  readonly group?: string;
  readonly allowModify?: true;
  readonly settings?: string;
  readonly grant?: readonly string[];
}

/** `postern plugin enable` and `disable`: whether a service is asked. */
export function addEnableCommands(plugin: Command, common: (command: Command) => Command): void {
  common(plugin.command('enable <what>'))
    .description('Have a service asked; or make a service of an installed package and put it into a group')
    .addOption(
      new Option('--mode <mode>', 'monitor: it is asked and logged, and nothing is done').choices([
        'monitor',
        'enforce',
      ]),
    )
    .option('--service <name>', 'of a package: the name of the new service')
    .option('--group <name>', 'of a package: the group that asks it, as its last')
    .option('--allow-modify', 'of a package: it may change mail')
    .option('--settings <file>', 'of a package: its settings, YAML or JSON')
    .option(GRANT_OPTION, `of a package: ${GRANT_HELP}`, collect)
    .addHelpText(
      'after',
      `
WHAT is the name of a service of the config, or vendor/name[@version] of an installed package, the newest version if none is
named. A new service is in mode monitor unless --mode says otherwise: watch it first, postern plugin status shows what it
would have done.

  postern plugin enable acme/footer --service footer --group inbound -c …
  postern plugin enable footer --mode enforce -c …
${CHANGE_HELP}`,
    )
    .action(async (what: string, options: EnableOptions) => {
      const loaded = loadOrFail(options.config);
      if (what.includes('/')) await enablePackage(loaded, { what, options });
      else await enableService(loaded, { name: what, options });
    });

  common(plugin.command('disable <service>'))
    .description('Have a service not asked any more: mail goes on as if no group named it')
    .addHelpText('after', CHANGE_HELP)
    .action(async (name: string, options: CommonOptions) => {
      const loaded = loadOrFail(options.config);
      const { enabled } = serviceOrFail(loaded, name);
      await changeConfig(loaded, { edits: enabled ? [setting(name, ['enabled', false])] : [] });
    });
}

const setting = (service: string, [key, value]: readonly [string, unknown]): Edit => ({
  kind: 'set',
  path: ['services', service, key],
  value,
});

async function enableService(
  loaded: LoadedConfig,
  { name, options }: { name: string; options: EnableOptions },
): Promise<void> {
  const foreign = (['service', 'group', 'allowModify', 'settings', 'grant'] as const).find(
    (key) => options[key] !== undefined,
  );
  if (foreign !== undefined) {
    const flag = foreign === 'allowModify' ? 'allow-modify' : foreign;
    const message = `Cannot use --${flag} here: it is for a new service of a package (vendor/name)`;
    throw new CommandError(EXIT.usage, message);
  }
  const { enabled, mode } = serviceOrFail(loaded, name);
  const wanted = options.mode ?? mode;
  await changeConfig(loaded, {
    edits: [
      ...(enabled ? [] : [setting(name, ['enabled', true])]),
      ...(wanted === mode ? [] : [setting(name, ['mode', wanted])]),
    ],
  });
}

async function enablePackage(
  loaded: LoadedConfig,
  { what, options }: { what: string; options: EnableOptions },
): Promise<void> {
  const { config } = loaded;
  const { service, group } = options;
  if (service === undefined || group === undefined) {
    const message = `Cannot enable ${what}: --service NAME and --group GROUP are missing; a package is asked as a service of a group`;
    throw new CommandError(EXIT.usage, message);
  }
  const entries = config.groups.find(({ name }) => name === group)?.entries;
  if (entries === undefined) {
    const known = config.groups.map(({ name }) => name);
    throw new CommandError(EXIT.notFound, `Cannot find a group named ${group}: ${suggest(group, known)}`);
  }
  if (config.services.some(({ name }) => name === service)) {
    const message = `Cannot add the service ${service}: there is one of this name; postern plugin upgrade moves it to another version`;
    throw new CommandError(EXIT.failed, message);
  }
  const record = await packageOrFail(config, what);
  const grants = grantsFrom(options.grant ?? []);
  const value = {
    plugin: formatPackageName(record),
    mode: options.mode ?? 'monitor',
    ...(options.allowModify && { allowModify: true }),
    ...(options.settings !== undefined && { settings: await readSettings(options.settings) }),
    ...(Object.keys(grants).length > 0 && { grants }),
  };
  await changeConfig(loaded, {
    edits: [
      { kind: 'set', path: ['services', service], value },
      { kind: 'set', path: ['groups', group, entries.length], value: service },
    ],
    hints: {
      grant: `What it requires can be granted with it: --grant kv --grant ${grantExample('http', '=')}`,
      settings: 'Its settings can be given with it: --settings FILE',
    },
  });
  await recordRuns(config, [record]);
}
