import type { Recipient } from '../mail/envelope.ts';
import type { Combined } from '../ocp/combine.ts';
import type { AcceptedRecipient, Target } from './transaction.ts';

/** Where one recipient's mail goes. */
interface Route {
  readonly downstream: string;
  readonly folder: string | undefined;
}

/** A recipient that a service added. The sender does not know of it, so no notice about it goes there (RFC 3461). */
export const hiddenTarget = (address: string, route: Route): Target =>
  targetOf({ address, params: { NOTIFY: 'NEVER' } }, route);

/** Replacement, next hop and folder, for the whole or for this recipient. */
export function applyRouting(accepted: AcceptedRecipient, combined: Combined): void {
  const single = combined.recipients.get(accepted.address);
  const downstream = single?.nextHop ?? combined.nextHop;
  const folder = single?.folder ?? combined.folder;
  if (single?.replace !== undefined) {
    const [before] = accepted.targets;
    accepted.targets = targetsFor(accepted.given, single.replace, {
      downstream: downstream ?? before?.downstream ?? '',
      folder: folder ?? before?.recipient.folder,
    });
  } else {
    accepted.targets = accepted.targets.map(({ recipient, downstream: before }) =>
      targetOf(recipient, { downstream: downstream ?? before, folder }),
    );
  }
}

/** The targets of a recipient that goes to `addresses` instead. */
export function targetsFor(given: Recipient, addresses: readonly string[], route: Route): Target[] {
  // NOTIFY and ORCPT go with the address they were said for (RFC 3461 section 5.2.7.1 counts a rewrite as an alias).
  return addresses.map((address) => targetOf({ address, params: given.params }, route));
}

const targetOf = (recipient: Recipient, { downstream, folder }: Route): Target => ({
  recipient: folder === undefined ? recipient : { ...recipient, folder },
  downstream,
});
