import type { Decision, Verdict } from './decision.ts';

// Nothing that a later service could say would bring the mail back, and none of these keeps it for a person to see.
const ENDING: ReadonlySet<Verdict> = new Set(['reject', 'tempfail', 'discard']);

/**
 * Whether the services after this one need not be asked: the decision is `final`, or it rejects, defers or discards
 * for everyone. A recipient for whom the same decision says something milder keeps the group going.
 */
export function endsGroup(decision: Decision): boolean {
  if (decision.final === true) return true;
  const { verdict } = decision;
  if (verdict === undefined || !ENDING.has(verdict)) return false;
  return (decision.recipients ?? []).every((single) => ENDING.has(single.verdict ?? verdict));
}
