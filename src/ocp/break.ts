import { policyOn, type FailureKind, type Service, type ServiceOutcome } from './service.ts';

/** A service that broke over a message. */
export interface Break {
  readonly service: string;
  readonly failure: Extract<FailureKind, 'trap' | 'deadline'>;
  readonly cause: string;
}

/**
 * What broke of those asked, if it may be the message's doing, and the message is to come back for it: a trap or deadline of a
 * service in `enforce` that has been asked, and whose policy is to defer. A service whose breaker was open breaks on
 * everything, so its probes say nothing of the message.
 */
export function brokenBy(
  outcomes: readonly ServiceOutcome[],
  services: ReadonlyMap<string, Service>,
): Break | undefined {
  for (const { service: name, result } of outcomes) {
    const service = services.get(name);
    if (result.kind !== 'failure' || service === undefined || service.mode === 'monitor') continue;
    const { failure, cause, unasked, probe } = result;
    if (failure !== 'trap' && failure !== 'deadline') continue;
    if (unasked === true || probe === true || policyOn(failure, service) !== 'tempfail') continue;
    return { service: name, failure, cause };
  }
  return undefined;
}
