import { isDeepStrictEqual } from 'node:util';
import { openSpool, spoolOf } from '../base/spool.ts';
import { indexHeader } from '../mail/header-index.ts';
import { indexMime } from '../mail/mime-index.ts';
import { PartReader } from '../mail/part-reader.ts';
import type { Decision } from '../ocp/decision.ts';
import type { Expectation } from './case-file.ts';
import { diffLines, unified } from './diff.ts';
import { messageLines } from './message-lines.ts';
import type { Asked } from './trial.ts';

/** What a case expects, and what it started from. */
export interface Expected {
  readonly expect: Expectation;
  readonly message: Uint8Array | undefined;
  /** The whole message that must come out. */
  readonly wholeMessage: Uint8Array | undefined;
}

/** Every way in which what came is not what was expected, in words; empty if it is. A difference may have several lines. */
export function differences({ expect, message, wholeMessage }: Expected, asked: Asked): string[] {
  const { result } = asked.outcome;
  if (result.kind === 'notAsked') return ['the plugin has no export for this stage'];
  if (expect.failure !== undefined) {
    if (result.kind === 'decision') {
      return [`expected a failure, got the decision ${JSON.stringify(result.decision)}`];
    }
    const { kind, cause } = expect.failure;
    return [
      ...(kind === undefined || kind === result.failure
        ? []
        : [differs('failure.kind', { expected: kind, got: result.failure })]),
      ...(cause === undefined || result.cause.includes(cause)
        ? []
        : [
            `failure.cause: expected it to say ${JSON.stringify(cause)}, got ${JSON.stringify(result.cause)}`,
          ]),
    ];
  }
  if (result.kind === 'failure') return [`it failed (${result.failure}): ${result.cause}`];
  const after = asked.message;
  return [
    ...decisionDifferences(expect, result.decision),
    ...notificationDifferences(expect, asked),
    ...logDifferences(expect, asked),
    ...stateDifferences(expect, asked),
    ...(message === undefined || after === undefined
      ? []
      : [
          ...headerDifferences(expect, { before: message, after }),
          ...partDifferences(expect, after),
          ...modifiedDifferences(expect, asked),
          ...(wholeMessage === undefined ? [] : messageDifferences(wholeMessage, after)),
        ]),
  ];
}

const differs = (what: string, { expected, got }: { expected: unknown; got: unknown }): string =>
  `${what}: expected ${JSON.stringify(expected)}, got ${got === undefined ? 'nothing' : JSON.stringify(got)}`;

const EXACT = [
  'final',
  'disconnect',
  'rewrite',
  'sender',
  'recipients',
  'addRecipients',
  'nextHop',
  'folder',
  'tags',
  'score',
  'reason',
] as const satisfies readonly (keyof Decision)[];

function decisionDifferences(expect: Expectation, decision: Decision): string[] {
  const found: string[] = [];
  const compare = (what: string, expected: unknown, got: unknown): void => {
    if (!isDeepStrictEqual(expected, got)) found.push(differs(what, { expected, got }));
  };
  compare('verdict', expect.verdict ?? 'accept', decision.verdict ?? 'accept');
  for (const [key, expected] of Object.entries(expect.reply ?? {})) {
    const got = new Map<string, unknown>(Object.entries(decision.reply ?? {})).get(key);
    if (expected !== undefined) compare(`reply.${key}`, expected, got);
  }
  for (const key of EXACT) if (expect[key] !== undefined) compare(key, expect[key], decision[key]);
  return found;
}

function notificationDifferences({ notifications }: Expectation, { outcome }: Asked): string[] {
  const got = outcome.notifications ?? [];
  if (notifications === undefined || isDeepStrictEqual(notifications, got)) return [];
  return [differs('notifications', { expected: notifications, got })];
}

function logDifferences({ logs = [] }: Expectation, { outcome }: Asked): string[] {
  const got = outcome.logs.map(({ level, text }) => `${level}: ${text}`);
  return logs
    .filter((line) => !got.includes(line))
    .map((line) => `logs: expected the line ${JSON.stringify(line)}, got ${JSON.stringify(got)}`);
}

function stateDifferences({ state }: Expectation, asked: Asked): string[] {
  if (state === undefined) return [];
  const got = Object.fromEntries(
    Object.entries(asked.state).map(([key, value]) => [key, Buffer.from(value).toString()]),
  );
  return isDeepStrictEqual(state, got) ? [] : [differs('state', { expected: state, got })];
}

function headerDifferences(
  { headers }: Expectation,
  { before, after }: { before: Uint8Array; after: Uint8Array },
): string[] {
  if (headers === undefined) return [];
  const [old, now] = [fieldsOf(before), fieldsOf(after)];
  const compare = (what: 'added' | 'removed', got: readonly string[]): string[] =>
    isDeepStrictEqual([...headers[what]].sort(), [...got].sort())
      ? []
      : [differs(`headers.${what}`, { expected: headers[what], got })];
  return [...compare('added', without(now, old)), ...compare('removed', without(old, now))];
}

function fieldsOf(message: Uint8Array): string[] {
  const header = indexHeader(message);
  return header.fields.map((_, index) => {
    const value = Buffer.from(header.valueBytes(index) ?? []).toString();
    return `${header.name(index)}: ${value}`;
  });
}

/** Each of `others` takes one of its like away. */
function without(lines: readonly string[], others: readonly string[]): string[] {
  const left = [...lines];
  for (const other of others) {
    const at = left.indexOf(other);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}

function partDifferences({ parts = [] }: Expectation, message: Uint8Array): string[] {
  if (parts.length === 0) return [];
  const source = openSpool(spoolOf(message).handle);
  const index = indexMime(source);
  return parts.flatMap((expected) => {
    const part = index.parts[expected.index];
    const what = `parts ${expected.index}`;
    if (part === undefined) return [`${what}: the message has ${index.parts.length} parts`];
    const found: string[] = [];
    if (expected.type !== undefined && expected.type !== part.type) {
      found.push(differs(`${what}, type`, { expected: expected.type, got: part.type }));
    }
    if (expected.contains !== undefined) {
      const octets = new Uint8Array(part.size);
      const body = Buffer.from(octets.subarray(0, new PartReader(source, part).readInto(octets, 0)));
      if (!body.includes(expected.contains)) {
        found.push(`${what}: expected it to contain ${JSON.stringify(expected.contains)}`);
      }
    }
    return found;
  });
}

function modifiedDifferences({ modified }: Expectation, { outcome }: Asked): string[] {
  return modified === undefined || modified === outcome.modified
    ? []
    : [differs('modified', { expected: modified, got: outcome.modified })];
}

function messageDifferences(expected: Uint8Array, got: Uint8Array): string[] {
  if (Buffer.from(expected).equals(got)) return [];
  const lines = unified(diffLines(messageLines(expected), messageLines(got)));
  if (lines.length > 0) return [['the message (- expected, + got):', ...lines].join('\n')];
  const at = expected.findIndex((octet, index) => octet !== got[index]);
  return [
    `the message: reads the same, but differs from octet ${at < 0 ? expected.length : at} on (encoding or line ends)`,
  ];
}
