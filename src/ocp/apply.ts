import type { Decision } from './decision.ts';
import type { Facts } from './facts.ts';

/**
 * What the next service of the group is told after this decision: tags merged, score added up, and the rewritten
 * value at `helo`, `mail` and `rcpt`. Only for services in `enforce`. From `data` on the envelope in the facts stays as it
 * was, since every decision of the group names recipients by it.
 */
export function applyToFacts(facts: Facts, decision: Decision): Facts {
  const { rewrite, tags, score } = decision;
  return {
    ...facts,
    ...(rewrite === undefined ? {} : rewritten(facts, rewrite)),
    ...(tags === undefined ? {} : { tags: { ...facts.tags, ...tags } }),
    ...(score === undefined ? {} : { score: addScores(facts.score ?? 0, score) }),
  };
}

function rewritten(facts: Facts, value: string): Partial<Facts> {
  const { stage, client, sender, recipients } = facts;
  if (stage === 'helo' && client.helo !== undefined) {
    return { client: { ...client, helo: { ...client.helo, name: value } } };
  }
  if (stage === 'mail' && sender !== undefined) return { sender: { ...sender, address: value } };
  const recipient = stage === 'rcpt' ? recipients?.[0] : undefined;
  if (recipient === undefined) return {};
  return {
    recipients: [{ ...recipient, address: value, original: recipient.original ?? recipient.address }],
  };
}

// JSON has no infinity: two huge scores must not become `null` in the facts of the next service.
function addScores(first: number, second: number): number {
  return Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, first + second));
}
