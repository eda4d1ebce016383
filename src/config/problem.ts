import { escaped } from '../base/printable.ts';

/** Something wrong in the config file, at the place where it can be put right. */
export interface Problem {
  /** As it was given to `loadConfig`. */
  readonly file: string;
  /** From 1; 0 if it is about the file as a whole. */
  readonly line: number;
  readonly column: number;
  /** `listeners.inbound.port`, `groups.inbound[1].service`; '' for the file as a whole. */
  readonly path: string;
  /** What was found, and what is allowed. */
  readonly message: string;
}

/** Keys and list positions from the top of the file. */
export type KeyPath = readonly (string | number)[];

/** `listeners.inbound.domains[0]` */
export function formatPath(path: KeyPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? escaped(step) : `.${escaped(step)}`;
  }
  return text;
}

/** `postern.yaml:12:5 listeners.inbound.port: found "abc", must be an integer from 0 to 65535` */
export function formatProblem(problem: Problem): string {
  const place = problem.line === 0 ? problem.file : `${problem.file}:${problem.line}:${problem.column}`;
  return problem.path === ''
    ? `${place}: ${problem.message}`
    : `${place} ${problem.path}: ${problem.message}`;
}

/** In the order of the file; the same thing said twice is said once. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  const unique = new Map(problems.map((problem) => [formatProblem(problem), problem]));
  return [...unique.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

const LONGEST_TEXT = 80;

/**
 * A text from the file as a message may show it: cut, in quotes, control characters escaped, and without the
 * credentials of a URL.
 */
export function quote(text: string): string {
  const bare = text.replace(/[^\s/@:]*:[^\s/@]*@/g, '***@');
  const cut = bare.length > LONGEST_TEXT ? `${bare.slice(0, LONGEST_TEXT)}…` : bare;
  return escaped(JSON.stringify(cut));
}
