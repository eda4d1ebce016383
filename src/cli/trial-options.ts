import type { Command } from 'commander';
import { silentLog } from '../base/log.ts';
import type { ServiceConfig } from '../config/config.ts';
import { findingsOf } from '../config/issues.ts';
import { formatPath } from '../config/problem.ts';
import { grantsOf } from '../config/resolve.ts';
import { grants } from '../config/schema-grants.ts';
import { describeProblem } from '../author/cases.ts';
import { openTrial, type Trial } from '../author/trial.ts';
import type { CapabilityHost } from '../ocp/capability.ts';
import { DEFAULT_SERVICE, type Service } from '../ocp/service.ts';
import { memoryValues } from '../author/memory-values.ts';
import { capabilitiesOf, NO_SETTINGS } from './capabilities.ts';
import { CommandError, EXIT } from './exit.ts';
import { GRANT_HELP, GRANT_OPTION, grantsFrom } from './grant-words.ts';
import { collect } from './plugin-verify.ts';
import { readSettings } from './settings-file.ts';
import { readSubject } from './trial-subject.ts';

/** What `postern plugin run` and `bench` take to make the service of: what a config would say. */
export interface TrialOptions {
  readonly settings?: string;
  readonly allowModify?: boolean;
  readonly grant?: readonly string[];
}

export function addTrialOptions(command: Command): Command {
  return command
    .option('--settings <file>', "the service's settings, JSON or YAML")
    .option('--allow-modify', 'let it change the message and the envelope')
    .option(GRANT_OPTION, GRANT_HELP, collect);
}

/** A sandbox with this package as its one service; the command ends if a server would not run it. Close the trial. */
export async function openSubject(
  path: string,
  options: TrialOptions,
): Promise<{ trial: Trial; service: Service }> {
  const { plugin, asServer } = await readSubject(path);
  const [made] = await asServer([await serviceFrom(options)]);
  const { service, problems } = made!;
  if (problems.length > 0) throw unfit(path, problems.map(describeProblem));
  const services = [service];
  const trial = await openTrial({
    services,
    readPlugin: async () => plugin,
    capabilities: realCapabilities(services),
  });
  if (trial.problems.length === 0) return { trial, service };
  await trial.close();
  throw unfit(
    path,
    trial.problems.map(({ reason }) => reason),
  );
}

/** The capabilities that a server has, for services that are tried. What they keep is kept as long as this. */
export function realCapabilities(services: readonly Service[]): CapabilityHost {
  return capabilitiesOf(services, { log: silentLog, keyValues: memoryValues(), settings: NO_SETTINGS });
}

function unfit(path: string, reasons: readonly string[]): CommandError {
  return new CommandError(EXIT.failed, reasons.map((reason) => `Cannot run ${path}: ${reason}`).join('\n'));
}

async function serviceFrom(options: TrialOptions): Promise<ServiceConfig> {
  const given = grantsFrom(options.grant ?? []);
  const checked = grants.safeParse(given);
  if (!checked.success) {
    const found = findingsOf(checked.error.issues, given).map(
      ({ path, message }) => `Cannot grant ${formatPath(path)}: ${message}`,
    );
    throw new CommandError(EXIT.usage, found.join('\n'));
  }
  return {
    ...DEFAULT_SERVICE,
    name: 'trial',
    plugin: 'plugin',
    settings: options.settings === undefined ? {} : await readSettings(options.settings),
    allowModify: options.allowModify === true,
    limits: {},
    grants: grantsOf(checked.data, (path) => path),
  };
}
