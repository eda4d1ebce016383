import { stronger, type Combined } from '../ocp/combine.ts';
import type { Answered } from '../ocp/dispatch.ts';
import { refusalOf } from './refusal.ts';
import { applyRouting, hiddenTarget } from './routing.ts';
import type { Transaction } from './transaction.ts';

/**
 * At `data` each part of the recipients has its own answer; the command is refused only if all of them are, and for now if
 * any of them is to come back later.
 */
export function applyAtData(
  transaction: Transaction,
  { answered, downstream, system }: { answered: Answered; downstream: string; system: string },
): Combined | undefined {
  transaction.added.length = 0;
  for (const accepted of transaction.recipients) accepted.atData = undefined;
  for (const { recipients, combined } of answered.parts) {
    const addresses = new Set(recipients.map(({ address }) => address));
    const beside = transaction.recipients.filter(({ address }) => addresses.has(address));
    for (const accepted of beside) {
      accepted.atData = stronger(combined.recipients.get(accepted.address)?.proposal, combined.overall);
      applyRouting(accepted, combined);
    }
    for (const address of combined.addRecipients) {
      const route = { downstream: combined.nextHop ?? downstream, folder: combined.folder };
      transaction.added.push({ target: hiddenTarget(address, route), beside });
    }
    if (combined.sender !== undefined)
      transaction.sender = { ...transaction.sender, address: combined.sender };
  }
  const refusals = answered.parts.map(({ combined }) => refusalOf(combined, { system }));
  if (refusals.includes(undefined)) return undefined;
  const later = refusals.findIndex((refusal) => refusal!.reply.code < 500);
  return answered.parts[Math.max(0, later)]?.combined;
}
