import type { PluginsConfig } from '../config/config.ts';
import { parsePublicKey } from '../sandbox/minisign.ts';
import type { TrustPolicy } from '../sandbox/trust.ts';

/** Whom the config trusts. The schema has seen to it that every key can be read. */
export function trustPolicyOf({ trust, revoked, allowUnsigned }: PluginsConfig): TrustPolicy {
  return {
    vendors: new Map(
      Object.entries(trust).map(([vendor, { keys, threshold }]) => [
        vendor,
        { keys: keys.map(parsePublicKey), threshold },
      ]),
    ),
    revoked: { keys: revoked.keys.map(parsePublicKey), packages: revoked.packages },
    allowUnsigned,
  };
}
