import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describeError, OperationalError } from '../base/errors.ts';
import type { ServiceConfig } from '../config/config.ts';
import { formatPath, type KeyPath } from '../config/problem.ts';
import type { CapabilityHost } from '../ocp/capability.ts';
import type { Service } from '../ocp/service.ts';
import type { PluginSource } from '../sandbox/sandbox.ts';
import { readCalls, writeCalls } from './calls-file.ts';
import { factsOf, readCase, serviceOf, type CaseSetup } from './case-file.ts';
import { exampleFacts } from './example-facts.ts';
import { differences } from './judge.ts';
import { readMessage } from './message-file.ts';
import { onlyGranted, Recorder, Replay, type RecordedCall } from './recording.ts';
import { openTrial, type Trial } from './trial.ts';

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

export interface CasesOptions {
  readonly plugin: PluginSource;
  readonly asServer: AsServer;
  /** The real capabilities, to record what they answer; absent: what was recorded answers for them. */
  readonly record?: (services: readonly Service[]) => CapabilityHost;
}

/**
 * What a server makes of what a config says of services, now that the plugin's manifest is known, and why it would not run them. Paths
 * begin at the service.
 */
export type AsServer = (said: readonly ServiceConfig[]) => Promise<
  readonly {
    readonly service: Service;
    readonly problems: readonly { readonly path: KeyPath; readonly message: string }[];
  }[]
>;

interface Case {
  readonly name: string;
  readonly setup: CaseSetup;
  readonly message: Uint8Array | undefined;
  readonly wholeMessage: Uint8Array | undefined;
  readonly calls: readonly RecordedCall[];
}

/** In the order of their names. Throws an OperationalError if there is no such folder, or no case in it. */
export async function runCases(folder: string, options: CasesOptions): Promise<CaseResult[]> {
  const names = await caseNames(folder);
  const read = await Promise.all(names.map((name) => load(folder, name)));
  const cases = read.filter((one) => 'setup' in one);
  const made = await options.asServer(cases.map(({ name, setup }) => serviceOf(name, { setup, folder })));
  const refused = new Map(
    made
      .filter(({ problems }) => problems.length > 0)
      .map(({ service, problems }) => [service.name, problems.map(describeProblem).join('; ')]),
  );
  const services = made.map(({ service }) => service).filter(({ name }) => !refused.has(name));
  const replay = new Replay(new Map(cases.map(({ name, calls }) => [name, calls])));
  const recorder = options.record && new Recorder(options.record(services));
  const capabilities = onlyGranted(recorder ?? replay, services);
  const trial = await openTrial({ services, readPlugin: async () => options.plugin, capabilities });
  try {
    const results: CaseResult[] = [];
    for (const one of read) {
      if ('problems' in one) {
        results.push(unasked(one.name, one.problems));
        continue;
      }
      const result = await run(one, { trial, refusal: refused.get(one.name) });
      if (recorder !== undefined) await writeCalls(callsFile(folder, one.name), recorder.calls(one.name));
      // What was not recorded comes first: the rest may follow from it.
      const other = recorder === undefined ? replay.differences(one.name) : [];
      results.push({ ...result, differences: [...other, ...result.differences] });
    }
    return results;
  } finally {
    await trial.close();
  }
}

/** `settings.word: …`, as an operator reads it under the service's name. */
export const describeProblem = ({ path, message }: { path: KeyPath; message: string }): string =>
  `${formatPath(path)}: ${message}`;

const callsFile = (folder: string, name: string): string => join(folder, `${name}.calls.yaml`);

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

const unasked = (name: string, found: readonly string[]): CaseResult => ({
  name,
  differences: found,
  micros: 0,
  memoryBytes: 0,
});

type Unfit = { readonly name: string; readonly problems: readonly string[] };

async function load(folder: string, name: string): Promise<Case | Unfit> {
  const read = await readCase(join(folder, `${name}.yaml`));
  if ('problems' in read) return { name, problems: read.problems };
  const recorded = await readCalls(callsFile(folder, name));
  if ('problems' in recorded) return { name, problems: recorded.problems };
  const file = join(folder, `${name}.eml`);
  const expected = join(folder, `${name}.expected.eml`);
  const isMessage = read.setup.stage === 'message';
  const { stage } = read.setup;
  const beside = [...(stage === 'report' ? [] : [file]), expected];
  const problems = [
    ...(isMessage && !existsSync(file) ? [`${file}: missing; at stage message a case has a message`] : []),
    ...beside
      .filter((path) => !isMessage && existsSync(path))
      .map((path) => `${path}: there is no message at stage ${stage}`),
  ];
  if (problems.length > 0) return { name, problems };
  return {
    name,
    setup: read.setup,
    message: existsSync(file) ? await readMessage(file) : undefined,
    wholeMessage: existsSync(expected) ? await readMessage(expected) : undefined,
    calls: recorded.calls,
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
    return unasked(name, complaintDifferences(complaint, expected));
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
  if (complaint.includes(expected)) return [];
  const got = complaint === '' ? 'none' : JSON.stringify(complaint);
  return [`complaint: expected it to say ${JSON.stringify(expected)}, got ${got}`];
}
