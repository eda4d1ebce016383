import type { Command } from 'commander';
import { silentLog } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { LoadedConfig } from '../config/load.ts';
import { asksBeyond } from '../ocp/consent.ts';
import { formatPackageName } from '../ocp/package-name.ts';
import { STAGES } from '../ocp/stage.ts';
import { PackageStore, type PackageRecord } from '../sandbox/package-store.ts';
import { loadOrFail, type CommonOptions } from './context.ts';
import { EXIT } from './exit.ts';
import { printError, printJson, printTable } from './output.ts';
import { pluginWhere, readPlugin } from './plugin-source.ts';
import { openSandbox } from './plugins.ts';
import { packagesDirectory } from './state-dir.ts';

/** `postern plugin list`: the services of the config and the plugins behind them, and the installed packages. */
export function addListCommand(plugin: Command, common: (command: Command) => Command): void {
  common(plugin.command('list'))
    .description(
      'Load every service and list its plugin, the stages it answers and its policy, and list the installed packages',
    )
    .option('--json', 'print a JSON object {services, packages}')
    .addHelpText(
      'after',
      `
The state of a package says whether it could run: "ready", "waits for consent" with what it asks beyond that, or why not.

Exit codes: 0 listed; 2 wrong usage, a config that does not check, or a service that is not fit to run.`,
    )
    .action(async (options: CommonOptions & { json?: boolean }) => {
      const loaded = loadOrFail(options.config);
      const { services, problems } = await listServices(loaded);
      const packages = await listPackages(loaded.config);
      if (options.json === true) {
        printJson({ services, packages });
      } else {
        printServices(services);
        if (packages.length > 0) {
          process.stdout.write('\n');
          printPackages(packages);
        }
      }
      for (const problem of problems) printError(problem);
      if (problems.length > 0) process.exitCode = EXIT.usage;
    });
}

async function listServices(loaded: LoadedConfig) {
  const { config } = loaded;
  const { sandbox, services: fit, problems } = await openSandbox(loaded, { log: silentLog });
  const isFit = new Set(fit.map(({ name }) => name));
  const services = config.services.map((service) => ({
    service: service.name,
    plugin: pluginWhere(service.plugin, config.pluginDirectory),
    enabled: service.enabled,
    // Of one that did not load nobody knows.
    stages: STAGES.filter((stage) => isFit.has(service.name) && sandbox.answers(service.name, stage)),
    mode: service.mode,
    allowModify: service.allowModify,
    onFailure: service.onFailure,
    groups: config.groups
      .filter(({ entries }) => entries.some((entry) => entry.service === service.name))
      .map(({ name }) => name),
  }));
  await sandbox.close();
  return { services, problems };
}

function printServices(services: Awaited<ReturnType<typeof listServices>>['services']): void {
  const columns = ['SERVICE', 'STAGES', 'MODE', 'MODIFIES', 'GROUPS', 'PLUGIN'];
  const rows = services.map((one) => [
    one.service,
    one.stages.length === 0 ? '-' : one.stages.join(','),
    one.enabled ? one.mode : 'disabled',
    one.allowModify ? 'yes' : 'no',
    one.groups.join(','),
    one.plugin,
  ]);
  printTable(columns, rows);
}

interface ListedPackage extends Omit<PackageRecord, 'signatures'> {
  /** The services of the config that run this version. */
  readonly services: readonly string[];
  /** Why it could not run: it is damaged, or not trusted. */
  readonly problems: readonly string[];
  /** What it asks for beyond what has been consented to. */
  readonly waitsFor: readonly string[];
}

async function listPackages(config: Config): Promise<ListedPackage[]> {
  const store = new PackageStore(packagesDirectory(config));
  const listed: ListedPackage[] = [];
  // One after the other: each is read whole.
  for (const { signatures: _, ...record } of await store.list()) {
    const name = formatPackageName(record);
    const read = await readPlugin(name, config);
    const consent = await store.readConsent(record.id);
    const waitsFor =
      'reasons' in read || read.manifest === undefined
        ? []
        : consent === undefined
          ? ['nobody has been asked yet']
          : asksBeyond(read.manifest, consent);
    listed.push({
      ...record,
      services: config.services.filter(({ plugin }) => plugin === name).map((service) => service.name),
      problems: 'reasons' in read ? read.reasons : [],
      waitsFor,
    });
  }
  return listed;
}

function printPackages(packages: readonly ListedPackage[]): void {
  const columns = ['PACKAGE', 'SERVICES', 'SIGNED BY', 'STATE'];
  const rows = packages.map((one) => [
    formatPackageName(one),
    one.services.length === 0 ? '-' : one.services.join(','),
    one.signedBy.length === 0 ? 'nobody' : one.signedBy.join(','),
    stateOf(one),
  ]);
  printTable(columns, rows);
}

function stateOf({ problems, waitsFor }: ListedPackage): string {
  if (problems.length > 0) return problems.join('; ');
  return waitsFor.length > 0 ? `waits for consent: ${waitsFor.join('; ')}` : 'ready';
}
