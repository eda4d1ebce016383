import { applyToFacts } from '../ocp/apply.ts';
import { endsGroup } from '../ocp/ends-group.ts';
import type { Facts } from '../ocp/facts.ts';
import { policyOn, type Service, type ServiceOutcome } from '../ocp/service.ts';
import type { Stage } from '../ocp/stage.ts';

/**
 * Whether the services after this one are asked. A failure with a policy other than `accept` has settled the matter, since
 * nothing that a later service says could undo it; so has a decision that ends the group. A service in `monitor` settles
 * nothing, and at `report` there is nothing left to settle. The worker and the main thread both go by this, so neither needs to tell the other.
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
