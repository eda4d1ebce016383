import type { Recipient } from '../mail/envelope.ts';
import type { Combined } from '../ocp/combine.ts';
import type { AcceptedRecipient, Target } from './transaction.ts';

/** A recipient that a service added. The sender does not know of it, so no notice about it goes there (RFC 3461). */
export const hiddenRecipient = (address: string): Recipient => ({ address, params: { NOTIFY: 'NEVER' } });

/** Replacement and next hop, for the whole or for this recipient. */
export function applyRouting(accepted: AcceptedRecipient, combined: Combined): void {
  const single = combined.recipients.get(accepted.address);
  const downstream = single?.nextHop ?? combined.nextHop;
  if (single?.replace !== undefined) {
    accepted.targets = targetsFor(
      accepted.given,
      single.replace,
      downstream ?? accepted.targets[0]?.downstream ?? '',
    );
  } else if (downstream !== undefined) {
    accepted.targets = accepted.targets.map((target) => ({ ...target, downstream }));
  }
}

/** The targets of a recipient that goes to `addresses` instead. */
export function targetsFor(given: Recipient, addresses: readonly string[], downstream: string): Target[] {
  return addresses.map((address) => ({
    // NOTIFY and ORCPT go with the address they were said for (RFC 3461 section 5.2.7.1 counts a rewrite as an alias).
    recipient: { address, params: given.params },
    downstream,
  }));
}
