import { join } from 'node:path';
import { silentLog } from '../../src/base/log.ts';
import { openSpool, spoolOf } from '../../src/base/spool.ts';
import type { MessageImage } from '../../src/mail/image.ts';
import type { Decision } from '../../src/ocp/decision.ts';
import type { Facts } from '../../src/ocp/facts.ts';
import {
  DEFAULT_SERVICE,
  type CalloutService,
  type Service,
  type ServiceOutcome,
} from '../../src/ocp/service.ts';
import type { Stage } from '../../src/ocp/stage.ts';
import { createSandbox, type PluginProblem } from '../../src/sandbox/sandbox.ts';
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
  const options = { services, readPlugin: readPluginAt, log: silentLog, workers: 1 };
  const { sandbox, problems } = await createSandbox(options);
  return services.map(({ name }) =>
    asking(
      name,
      sandbox,
      problems.filter(({ service }) => service === name),
    ),
  );
}

/** What the plugin has against each of these settings; '' if nothing. */
export async function complaints(path: string, settings: readonly Settings[]): Promise<string[]> {
  const services = await serveEach(path, settings);
  await services[0]?.close();
  return services.map(({ problems }) => problems.map(({ reason }) => reason).join('\n'));
}

function asking(name: string, sandbox: CalloutService, problems: readonly PluginProblem[]): Asked {
  const run = async (stage: Stage, asked: { facts?: Partial<Facts> | undefined; image?: MessageImage }) => {
    const { facts, image } = asked;
    const result = await sandbox.run({
      stage,
      services: [name],
      facts: { ...factsOf(stage), ...facts },
      state: {},
      ...(image && { image }),
    });
    return { outcome: result.outcomes[0]!, image: result.image };
  };

  return {
    problems,
    answers: (stage) => sandbox.answers(name, stage),
    outcome: async (stage, facts) => (await run(stage, { facts })).outcome,
    decide: async (stage, facts) => decisionOf((await run(stage, { facts })).outcome),
    async filter(message, facts) {
      const octets =
        typeof message === 'string' ? Buffer.from(message.replaceAll(/\r?\n/g, '\r\n')) : message;
      const spool = spoolOf(octets);
      const before: MessageImage = {
        spool: spool.handle,
        pieces: [{ from: 'original', offset: 0, length: spool.size }],
        size: spool.size,
      };
      const { outcome, image } = await run('message', {
        facts: { message: { size: spool.size }, ...facts },
        image: before,
      });
      return {
        outcome,
        decision: decisionOf(outcome),
        text: textOf(image ?? before),
        modified: outcome.modified,
      };
    },
    close: async () => sandbox.close(),
  };
}

function decisionOf(outcome: ServiceOutcome): Decision {
  if (outcome.result.kind === 'decision') return outcome.result.decision;
  throw new Error(outcome.result.kind === 'failure' ? outcome.result.cause : 'it was not asked');
}

function textOf(image: MessageImage): string {
  const source = openSpool(image.spool);
  const pieces = image.pieces.map((piece) => {
    if (piece.from === 'added') return Buffer.from(piece.bytes);
    const octets = Buffer.alloc(piece.length);
    source.readInto(octets, piece.offset);
    return octets;
  });
  source.close();
  return Buffer.concat(pieces).toString('latin1');
}

/** A session with one sender and one recipient. */
function factsOf(stage: Stage): Facts {
  return {
    stage,
    session: 'session1',
    transaction: 'transaction1',
    service: '',
    listener: { name: 'inbound', protocol: 'smtp' },
    client: { address: '192.0.2.7', port: 40_312, helo: { verb: 'EHLO', name: 'mail.example.net' } },
    sender: { address: 'bob@example.net', params: {} },
    recipients: [{ address: 'ann@example.com', params: {} }],
  };
}
