import { serviceUri } from '../mail/opes.ts';
import { reply, type Reply } from '../mail/reply.ts';
import { stronger, type Combined, type CombinedRecipient, type Proposal } from '../ocp/combine.ts';
import type { Answer } from '../smtp/handler.ts';

/** A service's refusal as the client hears it: with the trace of who decided it (RFC 4902 section 3.1). */
export function tracedReply({ reply: said, service }: Proposal, system: string): Reply {
  const trace = `(OPES ${serviceUri(system, service)})`;
  const last = `${said.lines.at(-1) ?? ''} ${trace}`;
  // On one line, since many logs have no more than that; on one of its own where it would be cut off.
  const lines = last.length > LINE_LIMIT ? [...said.lines, trace] : [...said.lines.slice(0, -1), last];
  return { ...said, lines };
}

/** A reply line has at most 512 octets (RFC 5321 section 4.5.3.1.5), the codes included. */
const LINE_LIMIT = 490;

/** The refusal in a combination, if its verdict is one that answers the command at once. `system` is the URI of our OPES system. */
export function refusalOf(
  combined: Combined | undefined,
  { system, single }: { system: string; single?: Proposal | undefined },
): Answer | undefined {
  const proposal = stronger(single, combined?.overall);
  if (proposal?.verdict !== 'reject' && proposal?.verdict !== 'tempfail') {
    return combined?.disconnect === true
      ? { reply: reply(421, '4.7.0', 'Closing the connection'), disconnect: true }
      : undefined;
  }
  return { reply: tracedReply(proposal, system), ...(combined?.disconnect === true && { disconnect: true }) };
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
