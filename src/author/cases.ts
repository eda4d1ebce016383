import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, OperationalError } from '../base/errors.ts';
import type { Service } from '../ocp/service.ts';
import type { PluginSource } from '../sandbox/sandbox.ts';
import type { ServiceConfig } from '../config/config.ts';
import { factsOf, readCase, serviceOf, type CaseSetup } from './case-file.ts';
import { exampleFacts } from './example-facts.ts';
import { differences } from './judge.ts';
import { openTrial, type Trial } from './trial.ts';
import { readMessage } from './message-file.ts';

/** A folder of cases (`case-file.ts`), each asked of one plugin in the real sandbox. */
export interface CaseResult {
  /** The file without its ending: also what the service is called. */
  readonly name: string;
  /** In words, a paragraph each; none if the case passed. */
  readonly differences: readonly string[];
  /** Microseconds of the call; 0 if there was none. */
  readonly micros: number;
  readonly memoryBytes: number;
}

interface Case {
  readonly name: string;
  readonly setup: CaseSetup;
  readonly message: Uint8Array | undefined;
  readonly wholeMessage: Uint8Array | undefined;
}

/** What a server makes of what a config says of a service, now that the plugin's manifest is known; or why it would not run it. */
export type AsServer = (said: ServiceConfig) => {
  readonly service: Service;
  readonly problems: readonly { readonly message: string }[];
};

/** In the order of their names. Throws an OperationalError if there is no such folder, or no case in it. */
export async function runCases(
  folder: string,
  { plugin, asServer }: { plugin: PluginSource; asServer: AsServer },
): Promise<CaseResult[]> {
  const names = await caseNames(folder);
  const read = await Promise.all(names.map((name) => load(folder, name)));
  const services: Service[] = [];
  const refused = new Map<string, string>();
  for (const one of read) {
    if (!('setup' in one)) continue;
    const { service, problems } = asServer(serviceOf(one.name, { setup: one.setup, folder }));
    if (problems.length === 0) services.push(service);
    else refused.set(one.name, problems.map(({ message }) => message).join('; '));
  }
  const trial = await openTrial({ services, readPlugin: async () => plugin });
  try {
    const results: CaseResult[] = [];
    for (const one of read) {
      if ('setup' in one) results.push(await run(one, { trial, refusal: refused.get(one.name) }));
      else results.push(unfit(one));
    }
    return results;
  } finally {
    await trial.close();
  }
}

async function caseNames(folder: string): Promise<string[]> {
  let files: string[];
  try {
    files = await readdir(folder);
  } catch (error) {
    throw new OperationalError('cases', `Cannot read the cases in ${folder}: ${describeError(error)}`);
  }
  const names = files
    .filter((file) => file.endsWith('.yaml') && !file.endsWith('.calls.yaml'))
    .map((file) => file.slice(0, -'.yaml'.length))
    .sort();
  if (names.length > 0) return names;
  throw new OperationalError('cases', `Cannot test: found no NAME.yaml in ${folder}, a case needs one`);
}

type Unfit = { readonly name: string; readonly problems: readonly string[] };

const unfit = ({ name, problems }: Unfit): CaseResult => ({
  name,
  differences: problems,
  micros: 0,
  memoryBytes: 0,
});

async function load(folder: string, name: string): Promise<Case | Unfit> {
  const read = await readCase(join(folder, `${name}.yaml`));
  if ('problems' in read) return { name, problems: read.problems };
  const file = join(folder, `${name}.eml`);
  const expected = join(folder, `${name}.expected.eml`);
  const isMessage = read.setup.stage === 'message';
  const problems = [
    ...(isMessage && !existsSync(file) ? [`${file}: missing; at stage message a case has a message`] : []),
    ...[file, expected]
      .filter((path) => !isMessage && existsSync(path))
      .map((path) => `${path}: there is no message at stage ${read.setup.stage}`),
  ];
  if (problems.length > 0) return { name, problems };
  return {
    name,
    setup: read.setup,
    message: isMessage ? await readMessage(file) : undefined,
    wholeMessage: existsSync(expected) ? await readMessage(expected) : undefined,
  };
}

async function run(
  { name, setup, message, wholeMessage }: Case,
  { trial, refusal }: { trial: Trial; refusal: string | undefined },
): Promise<CaseResult> {
  const found = trial.problems.filter(({ service }) => service === name).map(({ reason }) => reason);
  const complaint = refusal ?? found.join('; ');
  const expected = setup.expect.complaint;
  if (complaint !== '' || expected !== undefined) {
    return unfit({ name, problems: complaintDifferences(complaint, expected) });
  }
  const asked = await trial.ask(name, {
    stage: setup.stage,
    facts: factsOf(setup, exampleFacts(setup.stage)),
    state: Object.fromEntries(Object.entries(setup.state).map(([key, value]) => [key, Buffer.from(value)])),
    ...(message && { message }),
  });
  return {
    name,
    differences: differences({ expect: setup.expect, message, wholeMessage }, asked),
    micros: asked.outcome.micros,
    memoryBytes: asked.outcome.memoryBytes,
  };
}

function complaintDifferences(complaint: string, expected: string | undefined): string[] {
  if (expected === undefined) return [`it did not load: ${complaint}`];
  return complaint.includes(expected)
    ? []
    : [
        `complaint: expected it to say ${JSON.stringify(expected)}, got ${complaint === '' ? 'none' : JSON.stringify(complaint)}`,
      ];
}
