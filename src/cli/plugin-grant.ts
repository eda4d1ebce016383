import type { Command } from 'commander';
import type { ServiceConfig } from '../config/config.ts';
import type { Edit } from '../config/edit.ts';
import type { LoadedConfig } from '../config/load.ts';
import { isRecord } from '../config/raw.ts';
import { suggest } from '../config/suggest.ts';
import { changeConfig } from './config-change.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { GRANT_NAMES, grantValue } from './grant-words.ts';

/** `postern plugin grant` and `revoke`: what a service may reach outside the sandbox, and whether it may change mail. */
export function addGrantCommands(plugin: Command, common: (command: Command) => Command): void {
  common(plugin.command('grant <service> <capability> [value]'))
    .description('Let a service use a capability, or change mail (modify), on the running server, too')
    .addHelpText(
      'after',
      `
CAPABILITY is ${[...GRANT_NAMES, 'modify'].join(', ')}. VALUE is YAML: what the config has below services.<name>.grants.<capability>,
which docs/config.md lists; without it, and for keys that it leaves out, the defaults hold. Of a capability that is granted already
the keys that are given change, and the others stay.

  postern plugin grant spam http '{targets: [https://api.example.com], timeout: 3s}' -c …
  postern plugin grant footer modify -c …
${CHANGE_HELP}`,
    )
    .action(async (name: string, capability: string, text: string | undefined, options: CommonOptions) => {
      const loaded = loadOrFail(options.config);
      const service = serviceOrFail(loaded, name);
      await changeConfig(loaded, { edits: grantEdits(service, { capability, text }) });
    });

  common(plugin.command('revoke <service> <capability>'))
    .description('Take back what was granted: a capability, or the leave to change mail (modify)')
    .addHelpText('after', `\nA service whose package requires it must be disabled first.\n${CHANGE_HELP}`)
    .action(async (name: string, capability: string, options: CommonOptions) => {
      const loaded = loadOrFail(options.config);
      const { grants, allowModify } = serviceOrFail(loaded, name);
      const path = ['services', name];
      if (capability === 'modify') {
        if (!allowModify) throw notGranted(name, capability);
        await changeConfig(loaded, {
          edits: [{ kind: 'set', path: [...path, 'allowModify'], value: false }],
        });
        return;
      }
      if (!(capability in grants)) throw notGranted(name, capability);
      await changeConfig(loaded, { edits: [{ kind: 'delete', path: [...path, 'grants', capability] }] });
    });
}

/** For the help of each command that changes the config. */
export const CHANGE_HELP = `
The config is changed in its file, and nothing else in the file is; a running server takes it over at once. What would not be
fit to run is not written, and what the server refuses is taken back.

Exit codes: 0 done; 1 it did not work, the file is as it was; 2 wrong usage, or the config with this change is not fit to run; 3 there
is no such service or package.`;

export function serviceOrFail({ config }: LoadedConfig, name: string): ServiceConfig {
  const service = config.services.find((one) => one.name === name);
  if (service !== undefined) return service;
  const known = config.services.map((one) => one.name);
  throw new CommandError(EXIT.notFound, `Cannot find a service named ${name}: ${suggest(name, known)}`);
}

function grantEdits(
  { name, grants }: ServiceConfig,
  { capability, text }: { capability: string; text: string | undefined },
): Edit[] {
  const path = ['services', name];
  if (capability === 'modify') {
    if (text !== undefined) throw new CommandError(EXIT.usage, 'Cannot grant modify: it takes no value');
    return [{ kind: 'set', path: [...path, 'allowModify'], value: true }];
  }
  const value = grantValue(capability, text);
  const at = [...path, 'grants', capability];
  if (!(capability in grants) || !isRecord(value)) return [{ kind: 'set', path: at, value }];
  return Object.entries(value).map(([key, item]) => ({ kind: 'set', path: [...at, key], value: item }));
}

const notGranted = (name: string, capability: string): CommandError =>
  new CommandError(
    EXIT.failed,
    `Cannot revoke ${capability}: ${name} has no such grant; nothing was changed`,
  );
