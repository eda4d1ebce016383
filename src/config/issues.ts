import type { z } from 'zod';
import type { KeyPath } from './problem.ts';
import { quote } from './problem.ts';
import { valueAt } from './raw.ts';

/** A finding before it has a position. */
export interface Finding {
  readonly path: KeyPath;
  /** What the finding is about: the key itself, or its value. Decides the position. */
  readonly at: 'key' | 'value';
  readonly message: string;
}

/** What zod found in `root`, as findings that say what was found and what is allowed. */
export function findingsOf(issues: readonly z.core.$ZodIssue[], root: unknown): Finding[] {
  return issues.flatMap((issue) => findingsOfIssue(issue, { root, base: [] }));
}

function findingsOfIssue(issue: z.core.$ZodIssue, context: { root: unknown; base: KeyPath }): Finding[] {
  const path: KeyPath = [
    ...context.base,
    ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step)),
  ];
  if (issue.code === 'unrecognized_keys') {
    const messages = issue.message.split('\n');
    return issue.keys.map((key, i) => ({ path: [...path, key], at: 'key', message: messages[i]! }));
  }
  if (issue.code === 'invalid_key')
    return [{ path, at: 'key', message: issue.issues[0]?.message ?? issue.message }];
  if (issue.code === 'invalid_union') {
    // The branch that the value was meant for is the one whose type it has.
    const isContainer = typeof valueAt(path, context.root) === 'object';
    const branch = issue.errors.find((list) => !list.some((inner) => isTypeError(inner, isContainer)));
    if (branch !== undefined)
      return branch.flatMap((inner) => findingsOfIssue(inner, { ...context, base: path }));
  }
  const value = valueAt(path, context.root);
  // Where a map or list was expected, a plain value is in the wrong place and might be anything, a password too.
  const misplaced = issue.code === 'invalid_type' && ['object', 'record', 'array'].includes(issue.expected);
  return [{ path, at: 'value', message: `${describe(value, misplaced)}, ${issue.message}` }];
}

// zod says of a map or list where one of a few words was expected only that it is none of them.
const isTypeError = (issue: z.core.$ZodIssue, isContainer: boolean): boolean =>
  issue.path.length === 0 &&
  (issue.code === 'invalid_type' || (issue.code === 'invalid_value' && isContainer));

function describe(value: unknown, misplaced: boolean): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'found nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'found an empty list' : 'found a list';
  if (typeof value === 'object')
    return Object.keys(value).length === 0 ? 'found an empty map' : 'found a map';
  if (misplaced) return `found a ${typeof value === 'string' ? 'text' : typeof value}`;
  return `found ${typeof value === 'string' ? quote(value) : JSON.stringify(value)}`;
}
