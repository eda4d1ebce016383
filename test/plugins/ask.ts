import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openTrial, type Trial } from '../../src/author/trial.ts';
import type { CapabilityHost, Grants } from '../../src/ocp/capability.ts';
import type { Decision } from '../../src/ocp/decision.ts';
import type { Facts } from '../../src/ocp/facts.ts';
import { DEFAULT_SERVICE, type Service, type ServiceOutcome } from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import type { PluginProblem } from '../../src/sandbox/sandbox.ts';
import { readPluginAt } from '../abi/wat.ts';
import { ROOT } from './compile.ts';

type Settings = Service['settings'];

/** The path of a plugin of this repository, as `npm run build:plugins` makes it. */
export const builtPlugin = (name: string): string => join(ROOT, 'plugins', name, `${name}.wasm`);

/** One service in a real sandbox. */
export interface Asked {
  /** What `configure` and the loader had to say. */
  readonly problems: readonly PluginProblem[];
  answers(stage: Stage): boolean;
  /** Its decision; throws if it failed. */
  decide(stage: Stage, facts?: Partial<Facts>): Promise<Decision>;
  outcome(stage: Stage, facts?: Partial<Facts>): Promise<ServiceOutcome>;
  /** Its decision about a message, and the message afterwards. */
  filter(message: string | Uint8Array, facts?: Partial<Facts>): Promise<Filtered>;
  close(): Promise<void>;
}

export interface Filtered {
  readonly outcome: ServiceOutcome;
  readonly decision: Decision;
  /** Octets as latin1. */
  readonly text: string;
  readonly modified: boolean;
}

/** Loads a plugin with settings. Close it. */
export async function serve(path: string, settings: Settings, allowModify = true): Promise<Asked> {
  const [asked] = await serveEach(path, [settings], allowModify);
  return asked!;
}

/** One service for each of these settings, all in one sandbox: closing any of them closes it. */
export async function serveEach(
  path: string,
  settings: readonly Settings[],
  allowModify = true,
): Promise<readonly Asked[]> {
  const services = settings.map((settings, index): Service => ({
    name: `s${index}`,
    plugin: path,
    ...DEFAULT_SERVICE,
    settings,
    allowModify,
  }));
  const trial = await openTrial({ services, readPlugin: readPluginAt });
  return services.map(({ name }) => asking(name, trial));
}

export interface Granted {
  readonly grants: Grants;
  readonly capabilities: CapabilityHost;
  readonly allowModify?: boolean;
}

/** Loads a plugin that is granted something, with what answers for it. Close it. */
export async function serveGranted(
  path: string,
  { settings, ...granted }: Granted & { settings: Settings },
): Promise<Asked> {
  const [asked] = await serveEachGranted(path, [settings], granted);
  return asked!;
}

/** One service for each of these settings, all in one sandbox: closing any of them closes it. */
export async function serveEachGranted(
  path: string,
  settings: readonly Settings[],
  { grants, capabilities, allowModify = false }: Granted,
): Promise<readonly Asked[]> {
  const services = settings.map((each, index): Service => ({
    name: `s${index}`,
    plugin: path,
    ...DEFAULT_SERVICE,
    settings: each,
    grants,
    allowModify,
  }));
  const trial = await openTrial({ services, readPlugin: readPluginAt, capabilities, workers: 4 });
  return services.map(({ name }) => asking(name, trial));
}

/** Why tests of a plugin that is not in AssemblyScript are skipped: it could not be built here. '' if they are not. */
export const unbuilt = (name: string): string =>
  existsSync(builtPlugin(name)) || process.env['POSTERN_REQUIRE_SERVERS'] !== undefined
    ? ''
    : ` (skipped: no compiler has built ${name})`;

/** What the plugin has against each of these settings; '' if nothing. */
export async function complaints(path: string, settings: readonly Settings[]): Promise<string[]> {
  const services = await serveEach(path, settings);
  await services[0]?.close();
  return services.map(({ problems }) => problems.map(({ reason }) => reason).join('\n'));
}

function asking(name: string, trial: Trial): Asked {
  const ask = (stage: Stage, facts: Partial<Facts> | undefined, message?: Uint8Array) =>
    trial.ask(name, { stage, facts: { ...EVERY_STAGE, ...facts }, ...(message && { message }) });

  return {
    problems: trial.problems.filter(({ service }) => service === name),
    answers: (stage) => trial.answers(name, stage),
    outcome: async (stage, facts) => (await ask(stage, facts)).outcome,
    decide: async (stage, facts) => decisionOf((await ask(stage, facts)).outcome),
    async filter(message, facts) {
      const octets =
        typeof message === 'string' ? Buffer.from(message.replaceAll(/\r?\n/g, '\r\n')) : message;
      const { outcome, message: after } = await ask('message', facts, octets);
      return {
        outcome,
        decision: decisionOf(outcome),
        text: Buffer.from(after ?? octets).toString('latin1'),
        modified: outcome.modified,
      };
    },
    close: async () => trial.close(),
  };
}

function decisionOf(outcome: ServiceOutcome): Decision {
  if (outcome.result.kind === 'decision') return outcome.result.decision;
  throw new Error(outcome.result.kind === 'failure' ? outcome.result.cause : 'it was not asked');
}

/** A session with one sender and one recipient, at every stage alike. */
const EVERY_STAGE = {
  transaction: 'transaction1',
  client: { address: '192.0.2.7', port: 40_312, helo: { verb: 'EHLO', name: 'mail.example.net' } },
  sender: { address: 'bob@example.net', params: {} },
  recipients: [{ address: 'ann@example.com', params: {} }],
} as const;
