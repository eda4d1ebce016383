import type { CapabilityAnswer, CapabilityName } from '../ocp/capability.ts';

/**
 * What a call that fails after it was told this has failed by, the plugin being free of blame; `undefined` if it is not. `LIMIT` of `key` is
 * that too: nothing is wrong with mail that could not be signed since much else was, and it must not end in the quarantine as mail that
 * breaks the service. Of other capabilities it mostly depends on the message, whose sender could choose the rule for outages by it.
 */
export function outageOf(
  capability: CapabilityName,
  { error, cause }: Extract<CapabilityAnswer, { kind: 'refused' }>,
): string | undefined {
  if (error === 'UNAVAILABLE') return `the capability ${capability} was out of order: ${cause}`;
  if (error === 'LIMIT' && capability === 'key') return `the grant of key was used up: ${cause}`;
  return undefined;
}
