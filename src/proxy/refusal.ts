import { reply } from '../mail/reply.ts';
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

/** What is said about the one recipient of `rcpt`: each service names it as the one before it left it. */
export function singleOf(combined: Combined | undefined): CombinedRecipient {
  let single: CombinedRecipient = {};
  for (const named of combined?.recipients.values() ?? []) {
    const proposal = stronger(single.proposal, named.proposal);
    single = { ...single, ...named, ...(proposal && { proposal }) };
  }
  return single;
}
