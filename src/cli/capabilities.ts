import type { Log } from '../base/log.ts';
import type { CapabilityHost } from '../ocp/capability.ts';
import type { KeyValues } from '../ocp/key-value.ts';
import type { Service } from '../ocp/service.ts';
import { clock } from '../sandbox/capabilities/clock.ts';
import { createCapabilityHost } from '../sandbox/capabilities/host.ts';
import { httpPart } from '../sandbox/capabilities/http.ts';
import { kvIn } from '../sandbox/capabilities/kv.ts';

/** What plugins reach outside the sandbox, as far as their services are granted it. */
export function capabilitiesOf(
  services: readonly Pick<Service, 'name' | 'grants'>[],
  { log, keyValues }: { log: Log; keyValues: KeyValues },
): CapabilityHost {
  const parts = { clock, http: httpPart(), kv: kvIn(keyValues) };
  return createCapabilityHost({ services, parts, log });
}
