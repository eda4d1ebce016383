import { decisionSchema, type Decision } from '../ocp/decision.ts';
import type { Facts } from '../ocp/facts.ts';
import { DEPTH_LIMIT, nestsDeeply } from '../ocp/strict-json.ts';
import type { Stage } from '../ocp/stage.ts';
import { cleanText } from './logbook.ts';

export type ReadDecision = { readonly decision: Decision } | { readonly fault: string };

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const TOO_DEEP = `what it returned is not JSON of a decision: it is nested deeper than ${DEPTH_LIMIT}`;

/** Characters of a cause that may quote a plugin. */
const CAUSE_LENGTH = 300;

/**
 * Reads what a plugin returned at a stage. Anything but a decision that fits the schema, names only recipients of the
 * facts, says at each stage only what that stage can do, and changes nothing without leave, is a fault in words.
 */
export function readDecision(
  output: Uint8Array | undefined,
  options: { facts: Facts; allowModify: boolean },
): ReadDecision {
  if (output === undefined) return { fault: 'it returned nothing; "nothing to say" is {}' };
  let value: unknown;
  try {
    const text = UTF8.decode(output);
    if (nestsDeeply(text)) return { fault: TOO_DEEP };
    value = JSON.parse(text);
  } catch (thrown) {
    const why = thrown instanceof SyntaxError ? 'JSON' : 'UTF-8';
    return { fault: `what it returned is not ${why}` };
  }
  const parsed = decisionSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const where = issue.path.length === 0 ? '' : ` at ${issue.path.join('.')}`;
    return { fault: quotable(`what it returned is not a decision${where}: ${issue.message}`) };
  }
  const fault = misfit(parsed.data, options);
  return fault === undefined ? { decision: parsed.data } : { fault: quotable(fault) };
}

function misfit(decision: Decision, options: { facts: Facts; allowModify: boolean }): string | undefined {
  const { facts, allowModify } = options;
  for (const [field, stages] of STAGES_OF) {
    if (decision[field] !== undefined && !stages.includes(facts.stage)) {
      return `its decision has "${field}" at the stage ${facts.stage}; it is for ${stages.join(' ')}`;
    }
  }
  const known = new Set(facts.recipients?.map(({ address }) => address));
  for (const { address } of decision.recipients ?? []) {
    if (!known.has(address))
      return `its decision names the recipient "${address}", whom the facts did not name`;
  }
  const change = allowModify ? undefined : changeIn(decision);
  return change === undefined
    ? undefined
    : `its decision has "${change}", but the service has no allowModify`;
}

const STAGES_OF: readonly (readonly ['rewrite' | 'sender' | 'addRecipients', readonly Stage[]])[] = [
  ['rewrite', ['helo', 'mail', 'rcpt']],
  ['sender', ['data', 'message']],
  ['addRecipients', ['data', 'message']],
];

function changeIn(decision: Decision): string | undefined {
  for (const field of ['rewrite', 'sender', 'nextHop'] as const) {
    if (decision[field] !== undefined) return field;
  }
  if ((decision.addRecipients ?? []).length > 0) return 'addRecipients';
  for (const single of decision.recipients ?? []) {
    if (single.replace !== undefined) return 'recipients.replace';
    if (single.nextHop !== undefined) return 'recipients.nextHop';
  }
  return undefined;
}

const quotable = (text: string): string => cleanText(Buffer.from(text)).slice(0, CAUSE_LENGTH);
