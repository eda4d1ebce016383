import type { Config } from '../config/config.ts';
import { asksBeyond, type Consent } from '../ocp/consent.ts';
import { formatPackageName } from '../ocp/package-name.ts';
import { PackageStore } from '../sandbox/package-store.ts';
import type { ServiceFinding } from './effective-service.ts';
import type { PluginRead } from './plugin-source.ts';
import { packagesDirectory } from './state-dir.ts';

/**
 * Of the installed packages, those that ask for more than somebody has consented to, by the name that services give them. `consents` count
 * in the place of those on record.
 */
export async function waitingForConsent(
  sources: Iterable<PluginRead>,
  { config, consents }: { config: Config; consents: ReadonlyMap<string, Consent> | undefined },
): Promise<Map<string, ServiceFinding[]>> {
  const store = new PackageStore(packagesDirectory(config));
  const waiting = new Map<string, ServiceFinding[]>();
  for (const source of sources) {
    if ('reasons' in source || !source.isInstalled || source.manifest === undefined) continue;
    const { id } = source.manifest;
    const consent = consents?.get(id) ?? (await store.readConsent(id));
    const beyond =
      consent === undefined ? ['nobody has been asked yet'] : asksBeyond(source.manifest, consent);
    if (beyond.length === 0) continue;
    const name = formatPackageName(source.manifest);
    const message = `${name} waits for consent: ${beyond.join('; ')}; postern plugin upgrade ${name} --consent`;
    waiting.set(source.where, [{ path: ['plugin'], message }]);
  }
  return waiting;
}
