import type { Log } from '../base/log.ts';
import type { CapabilityHost, Scanner } from '../ocp/capability.ts';
import type { HeldKey } from '../ocp/held-key.ts';
import type { KeyValues } from '../ocp/key-value.ts';
import type { Service } from '../ocp/service.ts';
import { clock } from '../sandbox/capabilities/clock.ts';
import { HeldKeys } from '../sandbox/capabilities/held-keys.ts';
import { createCapabilityHost, type CapabilityParts } from '../sandbox/capabilities/host.ts';
import { httpPart } from '../sandbox/capabilities/http.ts';
import { dkimSigner } from '../sandbox/capabilities/key-dkim.ts';
import { keyPart } from '../sandbox/capabilities/key.ts';
import { kvIn } from '../sandbox/capabilities/kv.ts';
import { LibraryThreads } from '../sandbox/capabilities/library-threads.ts';
import { scanPart } from '../sandbox/capabilities/scan.ts';

/** Close them when nothing asks any more. */
export interface Capabilities extends CapabilityHost {
  close(): Promise<void>;
}

/** What plugins reach outside the sandbox, as far as their services are granted it. */
export function capabilitiesOf(
  services: readonly Pick<Service, 'name' | 'grants'>[],
  options: { log: Log; keyValues: KeyValues; keys: readonly HeldKey[]; scanners: readonly Scanner[] },
): Capabilities {
  const { log, keyValues, keys, scanners } = options;
  const threads = new LibraryThreads();
  const parts: CapabilityParts = {
    clock,
    http: httpPart(),
    key: keyPart({ keys: new HeldKeys(keys), operations: { 'dkim-sign': dkimSigner(threads) } }),
    kv: kvIn(keyValues),
    scan: scanPart(scanners),
  };
  const host = createCapabilityHost({ services, parts, log });
  return { call: (request) => host.call(request), close: () => threads.close() };
}
