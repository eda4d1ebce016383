import { applyToFacts } from './apply.ts';
import { endsGroup } from './ends-group.ts';
import type { Facts } from './facts.ts';
import { policyOn, type Service, type ServiceOutcome } from './service.ts';
import type { Stage } from './stage.ts';

/**
 * Whether the services after this one are asked. A failure with a policy other than `accept` has settled the matter, since
 * nothing that a later service says could undo it; so has a decision that ends the group. A service in `monitor` settles
 * nothing, and at `report` there is nothing left to settle. All go by this: the worker, the main thread,
 * and what judges a service in `monitor`; so none needs to tell the others.
 */
export function goesOn(stage: Stage, answered: { service: Service; outcome: ServiceOutcome }): boolean {
  const { service, outcome } = answered;
  if (service.mode === 'monitor' || stage === 'report') return true;
  const { result } = outcome;
  if (result.kind === 'decision') return !endsGroup(result.decision);
  return result.kind === 'notAsked' || policyOn(result.failure, service) === 'accept';
}

/** The facts for the services after this one. */
export function factsAfter(facts: Facts, answered: { service: Service; outcome: ServiceOutcome }): Facts {
  const { service, outcome } = answered;
  if (service.mode === 'monitor' || outcome.result.kind !== 'decision') return facts;
  return applyToFacts(facts, outcome.result.decision);
}
