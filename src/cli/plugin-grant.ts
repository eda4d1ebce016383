import type { Command } from 'commander';
import type { ServiceConfig } from '../config/config.ts';
import type { Edit } from '../config/edit.ts';
import type { LoadedConfig } from '../config/load.ts';
import { suggest } from '../config/suggest.ts';
import type { Grants } from '../ocp/capability.ts';
import { changeConfig } from './config-change.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { collect } from './plugin-verify.ts';

/** `postern plugin grant` and `revoke`: what a service may reach outside the sandbox, and whether it may change mail. */
export function addGrantCommands(plugin: Command, common: (command: Command) => Command): void {
  withGrantOptions(common(plugin.command('grant <service> <capability>')))
    .description('Let a service use a capability, or change mail (modify), on the running server, too')
    .addHelpText(
      'after',
      `
CAPABILITY is clock, kv, http or modify. docs/config.md has what each can be bound to (services.<name>.grants) and what
holds where an option is not given. Options of a capability that is granted already change these and leave the others.

  postern plugin grant spam http --target https://api.example.com --secret Authorization=./token -c …
  postern plugin grant footer modify -c …
${CHANGE_HELP}`,
    )
    .action(async (name: string, capability: string, options: CommonOptions & GrantOptions) => {
      const loaded = loadOrFail(options.config);
      const service = serviceOrFail(loaded, name);
      await changeConfig(loaded, { edits: grantEdits(service, { capability, options }) });
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
      if (!(capabilityOrFail(capability) in grants)) throw notGranted(name, capability);
      await changeConfig(loaded, { edits: [{ kind: 'delete', path: [...path, 'grants', capability] }] });
    });
}

/** For the help of each command that changes the config. */
export const CHANGE_HELP = `
The config is changed in its file, and nothing else in the file is; a running server takes it over at once. What would not be
fit to run is not written, and what the server refuses is taken back.

Exit codes: 0 done; 1 it did not work, the file is as it was; 2 wrong usage, or the config with this change is not fit to run; 3 there
is no such service or package.`;

export interface GrantOptions {
  readonly target?: readonly string[];
  readonly allowPrivate?: true;
  readonly requestsPerMinute?: string;
  readonly timeout?: string;
  readonly responseBytes?: string;
  readonly secret?: readonly string[];
  readonly keys?: string;
  readonly bytes?: string;
}

export function withGrantOptions(command: Command): Command {
  return command
    .option('--target <origin>', 'http: a server it may reach; may be given again', collect)
    .option('--allow-private', 'http: the name of a target may stand for a private address')
    .option('--requests-per-minute <number>', 'http: requests past that are refused')
    .option('--timeout <duration>', 'http: for one request')
    .option('--response-bytes <size>', "http: of a response's body")
    .option(
      '--secret <header=file>',
      'http: a header field from a file, its path as in the config; may be given again',
      collect,
    )
    .option('--keys <number>', 'kv: how many it may keep')
    .option('--bytes <size>', 'kv: of all keys and values together');
}

export function serviceOrFail({ config }: LoadedConfig, name: string): ServiceConfig {
  const service = config.services.find((one) => one.name === name);
  if (service !== undefined) return service;
  const known = config.services.map((one) => one.name);
  throw new CommandError(EXIT.notFound, `Cannot find a service named ${name}: ${suggest(name, known)}`);
}

type GrantName = keyof Grants;
const GRANTS = ['clock', 'kv', 'http'] as const satisfies readonly GrantName[];

/** Which option says what of which capability. */
const MEANING: Readonly<Record<keyof GrantOptions, readonly [GrantName, string]>> = {
  target: ['http', 'targets'],
  allowPrivate: ['http', 'allowPrivate'],
  requestsPerMinute: ['http', 'requestsPerMinute'],
  timeout: ['http', 'timeout'],
  responseBytes: ['http', 'responseBytes'],
  secret: ['http', 'secrets'],
  keys: ['kv', 'keys'],
  bytes: ['kv', 'bytes'],
};

function grantEdits(
  { name, grants }: ServiceConfig,
  { capability, options }: { capability: string; options: GrantOptions },
): Edit[] {
  const path = ['services', name];
  if (capability === 'modify') {
    grantsFrom([], options);
    return [{ kind: 'set', path: [...path, 'allowModify'], value: true }];
  }
  const known = capabilityOrFail(capability);
  const value = grantsFrom([known], options)[known];
  const at = [...path, 'grants', known];
  if (!(known in grants) || typeof value !== 'object') return [{ kind: 'set', path: at, value }];
  return Object.entries(value).map(([key, item]) => ({ kind: 'set', path: [...at, key], value: item }));
}

type GrantValues = Partial<Record<GrantName, true | Readonly<Record<string, unknown>>>>;

/** `grants` as the config has it, from the options. Ends the command where an option is for none of these capabilities. */
export function grantsFrom(capabilities: readonly string[], options: GrantOptions): GrantValues {
  const known = capabilities.map(capabilityOrFail);
  const values: Partial<Record<GrantName, true | Record<string, unknown>>> = Object.fromEntries(
    known.map((capability) => [capability, capability === 'clock' ? true : {}]),
  );
  for (const [option, [capability, key]] of Object.entries(MEANING)) {
    const given: unknown = Reflect.get(options, option);
    if (given === undefined) continue;
    const value = values[capability];
    if (typeof value !== 'object') {
      const flag = `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      throw new CommandError(EXIT.usage, `Cannot use ${flag}: it is for ${capability} only`);
    }
    value[key] = option === 'secret' ? secretsFrom(options.secret ?? []) : plain(given);
  }
  return values;
}

// The schema judges it; here it only becomes the type that YAML would have read.
const plain = (given: unknown): unknown =>
  typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : given;

function secretsFrom(given: readonly string[]): { header: string; file: string }[] {
  return given.map((text) => {
    const at = text.indexOf('=');
    if (at > 0 && at < text.length - 1) return { header: text.slice(0, at), file: text.slice(at + 1) };
    // Not shown: somebody may have given the secret itself.
    throw new CommandError(
      EXIT.usage,
      'Cannot use --secret: it must be HEADER=FILE, where the file holds the secret',
    );
  });
}

function capabilityOrFail(text: string): GrantName {
  const known = GRANTS.find((name) => name === text);
  if (known !== undefined) return known;
  throw new CommandError(EXIT.usage, `Cannot grant ${text}: ${suggest(text, [...GRANTS, 'modify'])}`);
}

const notGranted = (name: string, capability: string): CommandError =>
  new CommandError(
    EXIT.failed,
    `Cannot revoke ${capability}: ${name} has no such grant; nothing was changed`,
  );
