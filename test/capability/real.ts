import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog, type Log } from '../../src/base/log.ts';
import type { CapabilityHost, Scanner } from '../../src/ocp/capability.ts';
import type { Service } from '../../src/ocp/service.ts';
import { clock } from '../../src/sandbox/capabilities/clock.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import type { Resolve } from '../../src/sandbox/capabilities/http-address.ts';
import { httpPart } from '../../src/sandbox/capabilities/http.ts';
import { kvIn } from '../../src/sandbox/capabilities/kv.ts';
import { scanPart } from '../../src/sandbox/capabilities/scan.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';

export interface RealCapabilities {
  readonly host: CapabilityHost;
  /** Closes the store and opens it again, as a restart does; the host before is of no use then. */
  restart(): Promise<CapabilityHost>;
  close(): Promise<void>;
}

/** The program's own capabilities, over a store in a directory of their own. Close them. */
export async function realCapabilities(
  services: readonly Pick<Service, 'name' | 'grants'>[],
  options: { log?: Log; resolve?: Resolve; scanners?: readonly Scanner[] } = {},
): Promise<RealCapabilities> {
  const { log = silentLog, resolve, scanners = [] } = options;
  const directory = await mkdtemp(join(tmpdir(), 'postern-capability-'));
  const path = join(directory, 'store.db');
  const openStore = () => openSqliteStore({ path, role: 'server', log: silentLog });
  let store = await openStore();
  const hostOf = (): CapabilityHost =>
    createCapabilityHost({
      services,
      parts: {
        clock,
        http: httpPart(resolve && { resolve }),
        kv: kvIn(store.keyValues),
        scan: scanPart(scanners),
      },
      log,
    });
  return {
    host: hostOf(),
    async restart() {
      await store.close();
      store = await openStore();
      return hostOf();
    },
    async close() {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
}
