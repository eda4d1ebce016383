import { isUtf8 } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { describeError } from '../base/errors.ts';
import { addressFindings } from './addresses.ts';
import type { Config } from './config.ts';
import { fileFindings } from './files.ts';
import { findingsOf, type Finding } from './issues.ts';
import { formatPath, sortProblems, type Problem } from './problem.ts';
import { referenceFindings } from './references.ts';
import { resolveConfig } from './resolve.ts';
import { configSchema } from './schema.ts';
import {
  disabledFindings,
  clearTextFindings,
  limitFindings,
  noticeFindings,
  postmasterFindings,
  requesterFindings,
  unusedFindings,
} from './warnings.ts';
import { readYaml } from './yaml-source.ts';

/** A config that checks, or everything that is wrong with it in the order of the file. */
export type LoadResult =
  | {
      readonly ok: true;
      readonly config: Config;
      /** What is allowed and may be a mistake. */
      readonly warnings: readonly Problem[];
      /** A problem that is found later with the value at a path: a plugin that does not load. */
      readonly problemAt: (path: Finding['path'], message: string) => Problem;
    }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** Always empty: they are looked for only in a config that checks. */
      readonly warnings: readonly Problem[];
    };

/** A config that checks, with its places in the file. */
export type LoadedConfig = Extract<LoadResult, { ok: true }>;

/** Octets. A file of a thousand services is smaller. */
const LARGEST_FILE = 256 * 1024;
/** More than anyone mends in one go: the file is something else than a config, and the rest is counted. */
const MOST_PROBLEMS = 200;

/**
 * Reads and checks a config file. Never throws for anything that the file may hold, or if it can't be read: those are
 * problems. YAML that does not parse hides the rest; everything else is found in one go. The paths in the file
 * are relative to its directory. Reads synchronously: it is for the start and for reloads, not for the way of a message.
 */
export function loadConfig(file: string): LoadResult {
  const text = readText(file);
  return text.ok
    ? checkConfig(file, text.value)
    : failed([{ file, line: 0, column: 0, path: '', message: text.fault }]);
}

/** The same for a text that the file may come to hold. */
export function checkConfig(file: string, text: string): LoadResult {
  const source = readYaml(text);
  if (source.problems.length > 0) {
    const problems = source.problems.map(({ path, ...rest }) => ({ file, path: formatPath(path), ...rest }));
    return failed(problems);
  }
  const placed = ({ path, at, message }: Finding): Problem => {
    const { line, column } = source.locate({ path, at });
    return { file, line, column, path: formatPath(path), message };
  };

  const checked = configSchema.safeParse(source.value);
  const findings = [
    ...(checked.success ? [] : findingsOf(checked.error.issues, source.value)),
    ...referenceFindings(source.value),
    ...addressFindings(source.value),
  ];
  if (!checked.success || findings.length > 0) return failed(findings.map(placed));

  const config = resolveConfig(checked.data, file);
  const files = fileFindings(config);
  if (files.problems.length > 0) return failed(files.problems.map(placed));
  return {
    ok: true,
    config,
    warnings: sortProblems(
      [
        ...unusedFindings(config),
        ...disabledFindings(config),
        ...noticeFindings(config, source.value),
        ...postmasterFindings(config),
        ...requesterFindings(config),
        ...limitFindings(config),
        ...clearTextFindings(config),
        ...files.warnings,
      ].map(placed),
    ),
    problemAt: (path, message) => placed({ path, at: 'value', message }),
  };
}

function failed(problems: readonly Problem[]): LoadResult {
  const sorted = sortProblems(problems);
  const more = sorted.length - MOST_PROBLEMS;
  if (more > 0) {
    const last = { ...sorted[MOST_PROBLEMS]!, path: '', message: `and ${more} more problems from here on` };
    sorted.splice(MOST_PROBLEMS, more, last);
  }
  return { ok: false, problems: sorted, warnings: [] };
}

type Text = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly fault: string };

function readText(file: string): Text {
  try {
    const octets = readAtMost(file, LARGEST_FILE + 1);
    if (octets.length > LARGEST_FILE)
      return { ok: false, fault: `found a file of more than ${LARGEST_FILE} octets` };
    if (!isUtf8(octets)) return { ok: false, fault: 'found octets that are no text, must be UTF-8' };
    return { ok: true, value: new TextDecoder().decode(octets) };
  } catch (error) {
    return { ok: false, fault: `cannot read the file: ${describeError(error)}` };
  }
}

function readAtMost(file: string, most: number): Uint8Array {
  const descriptor = openSync(file, 'r');
  try {
    const buffer = Buffer.alloc(most);
    let length = 0;
    for (let got = -1; got !== 0 && length < most; length += got) {
      got = readSync(descriptor, buffer, length, most - length, null);
    }
    return buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}
