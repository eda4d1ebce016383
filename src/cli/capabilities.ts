import type { Log } from '../base/log.ts';
import type { Config } from '../config/config.ts';
import type { Blobs } from '../ocp/blob.ts';
import type { CapabilityHost } from '../ocp/capability.ts';
import type { KeyValues } from '../ocp/key-value.ts';
import type { Service } from '../ocp/service.ts';
import { blobPart } from '../sandbox/capabilities/blob.ts';
import { clock } from '../sandbox/capabilities/clock.ts';
import { authPart } from '../sandbox/capabilities/auth.ts';
import { Authentication } from '../sandbox/capabilities/authentication.ts';
import { directoryPart } from '../sandbox/capabilities/directory.ts';
import { dnsPart } from '../sandbox/capabilities/dns.ts';
import { HeldKeys } from '../sandbox/capabilities/held-keys.ts';
import { createCapabilityHost, type CapabilityParts } from '../sandbox/capabilities/host.ts';
import { httpPart } from '../sandbox/capabilities/http.ts';
import { arcSealer } from '../sandbox/capabilities/key-arc.ts';
import { dkimSigner } from '../sandbox/capabilities/key-dkim.ts';
import { secureMail } from '../sandbox/capabilities/key-secure.ts';
import { keyPart } from '../sandbox/capabilities/key.ts';
import { kvIn } from '../sandbox/capabilities/kv.ts';
import { LibraryThreads } from '../sandbox/capabilities/library-threads.ts';
import { scanPart } from '../sandbox/capabilities/scan.ts';
import { createResolver, DEFAULT_RESOLVER } from '../sandbox/capabilities/resolver.ts';
import { s3Blobs } from '../store/s3-blobs.ts';

/** Close them when nothing asks any more. */
export interface Capabilities extends CapabilityHost {
  close(): Promise<void>;
}

/** What a config says of them besides the grants. */
export type CapabilitySettings = Pick<
  Config,
  'blobStores' | 'directories' | 'keys' | 'resolver' | 'scanners' | 'web'
>;

/** As if a config said nothing. */
export const NO_SETTINGS: CapabilitySettings = {
  blobStores: [],
  directories: [],
  keys: [],
  scanners: [],
  resolver: DEFAULT_RESOLVER,
};

/** What plugins reach outside the sandbox, as far as their services are granted it. */
export function capabilitiesOf(
  services: readonly Pick<Service, 'name' | 'grants' | 'mode'>[],
  options: {
    readonly log: Log;
    readonly keyValues: KeyValues;
    /** Absent where nothing serves them. */
    readonly blobs?: Blobs | undefined;
    readonly settings: CapabilitySettings;
  },
): Capabilities {
  const { log, keyValues, blobs, settings } = options;
  const { web, blobStores } = settings;
  const monitored = new Set(services.filter(({ mode }) => mode === 'monitor').map(({ name }) => name));
  const threads = new LibraryThreads();
  const resolver = createResolver(settings.resolver);
  const authentication = new Authentication({ resolver, threads });
  const directory = directoryPart(settings.directories, threads);
  const parts: CapabilityParts = {
    auth: authPart(authentication),
    ...(blobs && {
      blob: blobPart({ blobs, publicUrl: web?.publicUrl, remotes: blobStores.map(s3Blobs), monitored }),
    }),
    clock,
    directory,
    dns: dnsPart(resolver),
    http: httpPart(),
    key: keyPart({
      keys: new HeldKeys(settings.keys),
      operations: {
        'arc-seal': arcSealer({ threads, authentication }),
        'dkim-sign': dkimSigner(threads),
        ...secureMail(threads),
      },
    }),
    kv: kvIn(keyValues),
    scan: scanPart(settings.scanners),
  };
  const host = createCapabilityHost({ services, parts, log });
  return {
    call: (request) => host.call(request),
    async close() {
      directory.close();
      await threads.close();
    },
  };
}
