import { readFile, realpath } from 'node:fs/promises';
import { describeError, OperationalError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { EditError, editYaml, type Edit } from '../config/edit.ts';
import type { Config } from '../config/config.ts';
import { checkConfig, type LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { refuseBusy, replaceConfigFile } from '../config/replace-file.ts';
import type { Consent } from '../ocp/consent.ts';
import { PackageStore } from '../sandbox/package-store.ts';
import { configDiff } from './config-diff.ts';
import { reload, services } from './control-client.ts';
import type { Need } from './effective-service.ts';
import { CommandError, EXIT } from './exit.ts';
import { printLine } from './output.ts';
import { openSandbox } from './plugins.ts';
import { packagesDirectory } from './state-dir.ts';

/**
 * A change of the config by a command: the candidate is loaded whole, plugins and their settings included; only one that is fit
 * replaces the file; then the running server, if there is one, takes it over, or the old file is put back.
 *
 * Whatever goes wrong, the file is as it was, and the command ends with a CommandError that says so: exit code 2 for a candidate
 * that is not fit, 1 for everything else.
 */
export interface ConfigChange {
  readonly edits: readonly Edit[];
  /** By id: what is consented to with it. */
  readonly consents?: ReadonlyMap<string, Consent>;
  /** What to do about what the services that change need, beyond what the problems say. */
  readonly hints?: Readonly<Record<Need, string>>;
}

/** False if there was nothing to change, and so nothing was loaded either. */
export async function changeConfig(loaded: LoadedConfig, change: ConfigChange): Promise<boolean> {
  const { config } = loaded;
  const { file } = config;
  const octets = await readFile(file);
  const before = octets.toString();
  const after = edited(before, change.edits);
  const isNew = after !== before;
  if (!isNew && change.consents === undefined) {
    printLine(`${file} says so already, nothing was changed`);
    return false;
  }
  // What would be in vain is refused before plugins are loaded.
  await refuseBusy(file).catch((error: unknown) => {
    throw new CommandError(EXIT.failed, describeError(error));
  });
  const pid = await serverOf(config);
  for (const warning of await examine(file, { text: after, change })) printLine(`warning: ${warning}`);
  const diff = configDiff(before, after);
  const undoConsents = await recordConsents(loaded, change.consents);
  const put = async (from: string, to: string): Promise<void> =>
    isNew ? replaceConfigFile(file, { before: Buffer.from(from), after: Buffer.from(to) }) : undefined;
  try {
    await put(before, after);
  } catch (error) {
    await undoConsents();
    if (!(error instanceof OperationalError)) throw error;
    const byHand = error.code === 'config_unwritable' ? ['The change to make by hand:', ...diff] : [];
    throw new CommandError(EXIT.failed, [describeError(error), ...byHand].join('\n'));
  }
  for (const line of diff) printLine(line);

  const answer = await reload(config, pid).catch((error: unknown) => {
    const message = `${describeError(error)}\n${file} is written; whether the server has taken it over is not known`;
    throw new CommandError(EXIT.failed, message);
  });
  if (!answer.running) {
    printLine(`${file} is written; no server is running, it takes effect with the next start`);
  } else if (answer.applied) {
    printLine(`${file} is written, and the running server has taken it over`);
    for (const problem of answer.problems) printLine(`but not all of it works: ${problem}`);
  } else {
    const said = ['The running server refused the change:', ...answer.problems];
    await undoConsents();
    try {
      await put(after, before);
      said.push(`${file} is as it was, and the server goes on as before`);
    } catch (error) {
      said.push(`The server goes on as before, but ${file} has the change. ${describeError(error)}`);
    }
    throw new CommandError(EXIT.failed, said.join('\n'));
  }
  return true;
}

/** The pid of the server that is to take the change over, if one runs; ends the command if that reads another file. */
async function serverOf(config: Config): Promise<number | undefined> {
  const answer = await services(config);
  if (!answer.running) return undefined;
  const { file, pid } = answer;
  if (file === (await realpath(config.file))) return pid;
  const message = `Cannot change ${config.file}: the running server of ${config.stateDir} (pid ${pid}) reads another config, ${file}; nothing was changed. Name that one with -c, or give this one a stateDir of its own`;
  throw new CommandError(EXIT.failed, message);
}

function edited(text: string, edits: readonly Edit[]): string {
  try {
    return editYaml(text, edits);
  } catch (error) {
    if (!(error instanceof EditError)) throw error;
    throw new CommandError(EXIT.failed, `${error.message}; nothing was changed, please edit the file`);
  }
}

/** Loads the candidate as a server would. Its warnings; ends the command if it is not fit. */
async function examine(
  file: string,
  { text, change }: { text: string; change: ConfigChange },
): Promise<string[]> {
  const candidate = checkConfig(file, text);
  if (!candidate.ok) throw unfit(candidate.problems.map(formatProblem));
  const { sandbox, problems, warnings, needs } = await openSandbox(candidate, {
    log: silentLog,
    ...(change.consents && { consents: change.consents }),
  });
  await sandbox.close();
  if (problems.length > 0) {
    const changed = new Set(change.edits.map(({ path }) => (path[0] === 'services' ? path[1] : undefined)));
    const wanting = needs.filter(({ service }) => changed.has(service)).map(({ need }) => need);
    throw unfit(
      problems,
      [...new Set(wanting)].flatMap((need) => change.hints?.[need] ?? []),
    );
  }
  return [...candidate.warnings.map(formatProblem), ...warnings];
}

function unfit(problems: readonly string[], hints: readonly string[] = []): CommandError {
  const lines = ['With this change the config would not be fit to run; nothing was changed:', ...problems];
  return new CommandError(EXIT.usage, [...lines, ...hints].join('\n'));
}

/** The server reads them with the file, so they are there before it. What is returned puts those before back. */
async function recordConsents(
  { config }: LoadedConfig,
  consents: ReadonlyMap<string, Consent> | undefined,
): Promise<() => Promise<void>> {
  const store = new PackageStore(packagesDirectory(config));
  const old = new Map<string, Consent>();
  for (const [id, consent] of consents ?? []) {
    const known = await store.readConsent(id);
    if (known !== undefined) old.set(id, known);
    await store.writeConsent(id, consent);
  }
  return async () => {
    for (const [id, consent] of old) await store.writeConsent(id, consent);
  };
}
