import { reply, type Reply } from '../mail/reply.ts';
import { stronger, type Combined, type CombinedRecipient, type Proposal } from '../ocp/combine.ts';
import type { Answer } from '../smtp/handler.ts';

/** The refusal in a combination, if its verdict is one that answers the command at once. */
export function refusalOf(combined: Combined | undefined, single?: Proposal): Answer | undefined {
  const proposal = stronger(single, combined?.overall);
  if (proposal?.verdict !== 'reject' && proposal?.verdict !== 'tempfail') {
    return combined?.disconnect === true
      ? { reply: reply(421, '4.7.0', 'Closing the connection'), disconnect: true }
      : undefined;
  }
  return { reply: proposal.reply, ...(combined?.disconnect === true && { disconnect: true }) };
}

/**
 * A downstream's reply as the client hears it. 421 is about the connection over which it is said (RFC 5321 section 3.8): here ours
 * to the downstream, so the client's session goes on.
 */
export const passedOn = (said: Reply): Reply => (said.code === 421 ? { ...said, code: 451 } : said);

/** What is said about the one recipient of `rcpt`: each service names it as the one before it left it. */
export function singleOf(combined: Combined | undefined): CombinedRecipient {
  let single: CombinedRecipient = {};
  for (const named of combined?.recipients.values() ?? []) {
    const proposal = stronger(single.proposal, named.proposal);
    single = { ...single, ...named, ...(proposal && { proposal }) };
  }
  return single;
}
