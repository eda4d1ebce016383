import type { Recipient } from '../mail/envelope.ts';
import { formatReply, type Reply } from '../mail/reply.ts';
import type { OutcomeFacts } from '../ocp/facts.ts';
import type { Unit } from './unit.ts';

/** What the log line and the `report` stage tell of one recipient. */
export interface RecipientOutcome extends OutcomeFacts {
  /** Where its mail went, with the downstream's reply; absent for what was not delivered. */
  readonly downstream?: readonly string[];
}

interface Come {
  /** What the recipient's targets came to. */
  readonly own: Reply;
  /** What the client was told. */
  readonly said: Reply;
  /** What becomes of mail that the downstream refused for good under a 250. */
  readonly refused: 'bounce' | 'quarantine';
}

/** For the log line and the `report` stage. */
export function describeUnit(unit: Unit, come: Come): RecipientOutcome {
  const { said, refused } = come;
  const after = { deliver: 'queued', bounce: 'bounced', quarantine: 'quarantined' };
  const downstream = unit.results.map(({ target: { recipient, downstream: name }, reply: answer }) => {
    const folder = recipient.folder === undefined ? '' : ` (folder ${recipient.folder})`;
    const told = `${recipient.address}${folder} at ${name}: ${formatReply(answer)}`;
    if (answer.code < 400 || said.code >= 400) return told;
    return `${told} (${after[answer.code < 500 ? 'deliver' : refused]})`;
  });
  const outcome = outcomeOf(unit.accepted.given, dispositionOf(unit, come), said);
  return { ...outcome, ...(downstream.length > 0 && { downstream }) };
}

/** What was decided, or, where the downstream did not take the mail, what became of it instead. */
function dispositionOf({ accepted, disposition }: Unit, { own, said, refused }: Come): string {
  if (disposition.kind !== 'deliver') return disposition.kind;
  if (accepted.targets.length === 0) return 'discard';
  if (own.code < 400) return 'deliver';
  if (said.code >= 400) return said.code < 500 ? 'tempfail' : 'reject';
  return own.code < 500 ? 'deliver' : refused;
}

export function outcomeOf(given: Recipient, disposition: string, said: Reply): RecipientOutcome {
  return { recipient: given.address, disposition, reply: formatReply(said) };
}
