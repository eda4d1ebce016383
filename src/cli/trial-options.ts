import { readFile } from 'node:fs/promises';
import { Option, type Command } from 'commander';
import { describeError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import type { ServiceConfig } from '../config/config.ts';
import { findingsOf } from '../config/issues.ts';
import { formatPath } from '../config/problem.ts';
import { isRecord } from '../config/raw.ts';
import { grantsOf } from '../config/resolve.ts';
import { service } from '../config/schema.ts';
import { readYaml } from '../config/yaml-source.ts';
import { describeProblem } from '../author/cases.ts';
import { openTrial, type Trial } from '../author/trial.ts';
import type { CapabilityHost } from '../ocp/capability.ts';
import { DEFAULT_SERVICE, type Service } from '../ocp/service.ts';
import { memoryValues } from '../author/memory-values.ts';
import { capabilitiesOf } from './capabilities.ts';
import { CommandError, EXIT } from './exit.ts';
import { readSubject } from './trial-subject.ts';

/** What `postern plugin run` and `bench` take to make the service of: what a config would say. */
export interface TrialOptions {
  readonly settings?: string;
  readonly allowModify?: boolean;
  readonly grant?: readonly string[];
}

export const collect = (value: string, before: readonly string[] = []): readonly string[] => [
  ...before,
  value,
];

export function addTrialOptions(command: Command): Command {
  return command
    .option('--settings <file>', "the service's settings, JSON or YAML")
    .option('--allow-modify', 'let it change the message and the envelope')
    .addOption(
      new Option(
        '--grant <capability>',
        'clock, kv, or http=ORIGIN such as http=https://api.example.com; may be given again',
      ).argParser(collect),
    );
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
  return capabilitiesOf(services, { log: silentLog, keyValues: memoryValues() });
}

function unfit(path: string, reasons: readonly string[]): CommandError {
  return new CommandError(EXIT.failed, reasons.map((reason) => `Cannot run ${path}: ${reason}`).join('\n'));
}

async function serviceFrom(options: TrialOptions): Promise<ServiceConfig> {
  const grants = service.shape.grants.safeParse(grantsIn(options.grant ?? []));
  if (!grants.success) {
    const raw = grantsIn(options.grant ?? []);
    const found = findingsOf(grants.error.issues, raw).map(
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
    grants: grantsOf(grants.data, (path) => path),
  };
}

/** As a config would say it. */
function grantsIn(words: readonly string[]): Record<string, unknown> {
  const targets = words.flatMap((word) => (word.startsWith('http=') ? [word.slice('http='.length)] : []));
  const others = words.filter((word) => !word.startsWith('http='));
  return {
    ...Object.fromEntries(others.map((word) => [word, word === 'clock' ? true : {}])),
    ...(targets.length > 0 && { http: { targets } }),
  };
}

async function readSettings(file: string): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(EXIT.notFound, `Cannot read ${file}: ${describeError(error)}`);
  }
  const { value, problems } = readYaml(text);
  const [problem] = problems;
  if (problem !== undefined) {
    throw new CommandError(EXIT.usage, `Cannot use ${file}: line ${problem.line}: ${problem.message}`);
  }
  if (isRecord(value)) return value;
  throw new CommandError(EXIT.usage, `Cannot use ${file}: settings are a map`);
}
