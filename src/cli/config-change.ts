import { readFile } from 'node:fs/promises';
import { describeError, OperationalError } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { EditError, editYaml, type Edit } from '../config/edit.ts';
import { checkConfig, type LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import { replaceConfigFile } from '../config/replace-file.ts';
import type { Consent } from '../ocp/consent.ts';
import { PackageStore } from '../sandbox/package-store.ts';
import { reload } from './control-client.ts';
import { CommandError, EXIT } from './exit.ts';
import { lineDiff, type DiffLine } from './line-diff.ts';
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
  /** What to do about a candidate that is not fit, beyond what its problems say. */
  readonly hint?: string;
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
  for (const warning of await examine(file, { text: after, change })) printLine(`warning: ${warning}`);
  const diff = diffLines(before, after);
  const undoConsents = await recordConsents(loaded, change.consents);
  const put = async (from: string, to: string): Promise<void> =>
    isNew ? replaceConfigFile(file, { before: Buffer.from(from), after: Buffer.from(to) }) : undefined;
  try {
    await put(before, after);
  } catch (error) {
    await undoConsents();
    if (!(error instanceof OperationalError)) throw error;
    throw new CommandError(
      EXIT.failed,
      [describeError(error), 'The change to make by hand:', ...diff].join('\n'),
    );
  }
  for (const line of diff) printLine(line);

  const answer = await reload(config).catch((error: unknown) => {
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
  if (!candidate.ok) throw unfit(candidate.problems.map(formatProblem), change.hint);
  const { sandbox, problems, warnings } = await openSandbox(candidate, {
    log: silentLog,
    ...(change.consents && { consents: change.consents }),
  });
  await sandbox.close();
  if (problems.length > 0) throw unfit(problems, change.hint);
  return [...candidate.warnings.map(formatProblem), ...warnings];
}

function unfit(problems: readonly string[], hint: string | undefined): CommandError {
  const lines = ['With this change the config would not be fit to run; nothing was changed:', ...problems];
  return new CommandError(EXIT.usage, [...lines, ...(hint === undefined ? [] : [hint])].join('\n'));
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

function diffLines(before: string, after: string): string[] {
  const diff = lineDiff(before, after);
  return diff.map((line, i) => {
    const [previous, next] = [diff[i - 1], diff[i + 1]];
    if (line.sign === '-' && next?.sign === '+' && previous?.sign !== '-') return shown(line, next.text);
    if (line.sign === '+' && previous?.sign === '-' && next?.sign !== '+') return shown(line, previous.text);
    return shown(line, undefined);
  });
}

/** Longer lines than this, a whole config in JSON, say, are shown only where they differ. */
const LONGEST_LINE = 160;

/**
 * A line of the diff. What stays the same in a line of settings is not shown, as nothing under `settings` ever is: it may hold a
 * secret, and what a command prints ends in logs.
 */
function shown({ sign, line, text }: DiffLine, other: string | undefined): string {
  const number = String(line).padStart(5);
  const isWhole = text.length <= LONGEST_LINE && !(other !== undefined && /settings|secret/i.test(text));
  if (other === undefined || isWhole) return `${number} ${sign} ${text}`;
  let head = 0;
  while (head < Math.min(text.length, other.length) && text[head] === other[head]) head += 1;
  let tail = 0;
  const most = Math.min(text.length, other.length) - head;
  while (tail < most && text.at(-1 - tail) === other.at(-1 - tail)) tail += 1;
  return `${number} ${sign} …${text.slice(head, text.length - tail)}…`;
}
