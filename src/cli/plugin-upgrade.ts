import type { Command } from 'commander';
import { silentLog } from '../base/log.ts';
import type { ServiceConfig } from '../config/config.ts';
import type { Edit } from '../config/edit.ts';
import type { LoadedConfig } from '../config/load.ts';
import { suggestNear } from '../config/suggest.ts';
import { asksBeyond, consentOf, type Consent } from '../ocp/consent.ts';
import type { Manifest } from '../ocp/manifest.ts';
import { compareVersions, formatPackageName, parsePackageName } from '../ocp/package-name.ts';
import type { PackageRecord } from '../sandbox/package-store.ts';
import { changeConfig } from './config-change.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { nameOrFail, packageOrFail, recordRuns, storeOf, versionBefore } from './installed.ts';
import { printLine } from './output.ts';
import { GRANT_HELP, GRANT_OPTION, grantExample, grantsFrom } from './grant-words.ts';
import { CHANGE_HELP } from './plugin-grant.ts';
import { readPlugin } from './plugin-source.ts';
import { openSandbox } from './plugins.ts';
import { collect } from './plugin-verify.ts';

interface MoveOptions extends CommonOptions {
  readonly grant?: readonly string[];
  readonly consent?: true;
}

/** `postern plugin upgrade` and `rollback`: which version of a package its services run. */
export function addUpgradeCommands(plugin: Command, common: (command: Command) => Command): void {
  withMoveOptions(common(plugin.command('upgrade <package>')))
    .description(
      'Move every service that runs a package to its newest installed version, or to the one named',
    )
    .addHelpText(
      'after',
      `
PACKAGE is vendor/name or vendor/name@version; without a version the newest release that is installed. Never to a lower one: that is
postern plugin rollback. If the version asks for more than has been consented to, that is shown and nothing is changed, exit
code 1; look at it, and say --consent. Grants that it does not ask for any more are taken out.
${CHANGE_HELP}`,
    )
    .action(async (text: string, options: MoveOptions) => {
      const loaded = loadOrFail(options.config);
      const { id } = nameOrFail(text);
      const record = await packageOrFail(loaded.config, text);
      const { version } = record;
      const running = runningOf(loaded, id);
      const higher = running.find((service) => compareVersions(service.version, version) > 0);
      if (higher !== undefined) {
        const message = `Cannot upgrade ${id} to ${version}: ${higher.service.name} runs ${higher.version}, which is higher; postern plugin rollback goes back to what ran before`;
        throw new CommandError(EXIT.failed, message);
      }
      const manifest = await manifestOrFail(loaded, { id, version });
      const again = `postern plugin upgrade ${id}@${version} --consent`;
      const consents = await consentsTo(manifest, { loaded, options, again });
      if (running.length === 0 && consents) {
        await storeOf(loaded.config).writeConsent(id, consentOf(manifest));
        const next = `postern plugin enable ${id}@${version} --service NAME --group GROUP makes one`;
        return printLine(`Consented to. No service runs it yet; ${next}`);
      }
      const services = servicesOf(loaded, id);
      const ran = await lastToRun(loaded, services);
      const isMade = await move(loaded, { running: services, manifest, options, consents });
      // What is disabled was written without being loaded.
      const runs = isMade && services.some(({ service }) => service.enabled);
      await recordRuns(loaded.config, [...ran, ...(runs ? [record] : [])]);
    });

  withMoveOptions(common(plugin.command('rollback <package>')))
    .description('Move every service that runs a package back to the version that ran before')
    .addHelpText(
      'after',
      `
PACKAGE is vendor/name. Only what has loaded as a service, and is installed as it was then, counts as having run. If it asks for
more than has been consented to since, that is shown and nothing is changed, exit code 1; look at it, and say --consent.
${CHANGE_HELP}`,
    )
    .action(async (text: string, options: MoveOptions) => {
      const loaded = loadOrFail(options.config);
      const { id, version } = nameOrFail(text);
      if (version !== undefined) {
        const message = `Cannot roll back to a version that is named: postern plugin rollback ${id} goes to the one that ran before`;
        throw new CommandError(EXIT.usage, message);
      }
      const running = servicesOf(loaded, id);
      const before = await versionBefore(loaded.config, { id, version: highest(running) });
      const manifest = await manifestOrFail(loaded, { id, version: before.record.version });
      const again = `postern plugin rollback ${id} --consent`;
      const consents = await consentsTo(manifest, { loaded, options, again });
      await move(loaded, { running, manifest, options, consents });
      await storeOf(loaded.config).writeHistory(id, before.history);
    });
}

function withMoveOptions(command: Command): Command {
  return command
    .option('--consent', 'to all that it asks for beyond what was consented to')
    .option(GRANT_OPTION, `to each service, with this version: ${GRANT_HELP}`, collect);
}

/**
 * Whether there is more to consent to with this version, which is shown; ends the command where `--consent` was not said to that.
 * `again` is the command that does.
 */
async function consentsTo(
  manifest: Manifest,
  { loaded, options, again }: { loaded: LoadedConfig; options: MoveOptions; again: string },
): Promise<boolean> {
  const known = await storeOf(loaded.config).readConsent(manifest.id);
  const beyond = known === undefined ? asking(manifest) : asksBeyond(manifest, known);
  if (beyond.length === 0) return false;
  printLine(`${formatPackageName(manifest)} asks for more than has been consented to:`);
  for (const line of beyond) printLine(`  ${line}`);
  if (options.consent === true) return true;
  throw new CommandError(EXIT.failed, `Nothing was changed. If that is right: ${again}`);
}

/**
 * The highest version that loads as the config has it, if any does: one that somebody wrote into the file, where it waits for
 * consent, say, never ran.
 */
async function lastToRun(loaded: LoadedConfig, running: readonly Running[]): Promise<PackageRecord[]> {
  const services = running.map(({ service }) => service);
  const opened = await openSandbox({ ...loaded, config: { ...loaded.config, services } }, { log: silentLog });
  await opened.sandbox.close();
  const loads = new Set(opened.services.map(({ name }) => name));
  const [first, ...more] = running.filter(({ service }) => loads.has(service.name));
  if (first === undefined) return [];
  const { id } = parsePackageName(first.service.plugin)!;
  const record = await storeOf(loaded.config).find({ id, version: highest([first, ...more]) });
  return record === undefined ? [] : [record];
}

interface Running {
  readonly service: ServiceConfig;
  readonly version: string;
}

const runningOf = ({ config }: LoadedConfig, id: string): Running[] =>
  config.services.flatMap((service) => {
    const name = parsePackageName(service.plugin);
    return name?.id === id ? [{ service, version: name.version }] : [];
  });

/** The same, or the end of the command where there are none. */
function servicesOf(loaded: LoadedConfig, id: string): readonly [Running, ...Running[]] {
  const [first, ...more] = runningOf(loaded, id);
  if (first !== undefined) return [first, ...more];
  const ids = loaded.config.services.flatMap(({ plugin }) => parsePackageName(plugin)?.id ?? []);
  const message = `Cannot find a service that runs ${id}${suggestNear(id, ids)}; postern plugin enable ${id} --service NAME --group GROUP makes one`;
  throw new CommandError(EXIT.notFound, message);
}

const highest = (running: readonly Running[]): string =>
  running
    .map(({ version }) => version)
    .sort(compareVersions)
    .at(-1)!;

/** The manifest of an installed package that may run. */
async function manifestOrFail(
  { config }: LoadedConfig,
  name: { id: string; version: string },
): Promise<Manifest> {
  const read = await readPlugin(formatPackageName(name), config);
  if (!('reasons' in read) && read.manifest !== undefined) return read.manifest;
  const reasons = 'reasons' in read ? read.reasons : ['it has no manifest'];
  throw new CommandError(
    EXIT.usage,
    reasons.map((reason) => `Cannot run ${formatPackageName(name)}: ${reason}`).join('\n'),
  );
}

/** All that it asks for, as if nothing had been consented to before. */
function asking(manifest: Manifest): string[] {
  const nothing: Consent = {
    stages: [],
    reads: 'none',
    parts: false,
    modifies: false,
    capabilities: [],
    limits: {},
  };
  return asksBeyond(manifest, nothing);
}

async function move(
  loaded: LoadedConfig,
  target: {
    running: readonly Running[];
    manifest: Manifest;
    options: MoveOptions;
    /** Whether all that the manifest asks for is consented to with it. */
    consents: boolean;
  },
): Promise<boolean> {
  const { running, manifest, options } = target;
  const { required, optional } = manifest.capabilities;
  const asked = new Set<string>([...required, ...optional].map(({ name }) => name));
  const added = Object.entries(grantsFrom(options.grant ?? []));
  const edits = running.flatMap(({ service: { name, grants } }): Edit[] => {
    const path = ['services', name];
    return [
      { kind: 'set', path: [...path, 'plugin'], value: formatPackageName(manifest) },
      ...Object.keys(grants)
        .filter((granted) => !asked.has(granted))
        .map((granted): Edit => ({ kind: 'delete', path: [...path, 'grants', granted] })),
      ...added.map(([granted, value]): Edit => ({ kind: 'set', path: [...path, 'grants', granted], value })),
    ];
  });
  return changeConfig(loaded, {
    edits,
    ...(target.consents && { consents: new Map([[manifest.id, consentOf(manifest)]]) }),
    hints: {
      grant: `What this version requires can be granted with it: --grant kv --grant ${grantExample('http', '=')}`,
      settings: 'Disable the service first, or change its settings in the file together with its plugin',
    },
  });
}
