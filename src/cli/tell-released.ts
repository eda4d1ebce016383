import type { ServiceConfig } from '../config/config.ts';
import type { QuarantineEntry, Store } from '../store/store.ts';

/** `sdk/ABI.md` names it. */
const KEY = 'postern:released';
/** Transactions that are kept for a service that does not read them. */
const MOST = 1000;
/** For another who writes at the same time. */
const ATTEMPTS = 10;

/**
 * Tells services that learn what people have let go: the ids of the transactions, one a line, among the values of each service that held
 * one and is granted `kv`. A service takes them from there when it likes; one whose grant has no room is not told.
 */
export async function tellReleased(
  entries: readonly QuarantineEntry[],
  { store, services, now }: { store: Store; services: readonly ServiceConfig[]; now: number },
): Promise<void> {
  for (const { name, grants } of services) {
    const held = entries.filter((entry) => entry.service === name).map(({ transaction }) => transaction);
    if (held.length === 0 || grants.kv === undefined) continue;
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      const at = { service: name, key: KEY, now };
      const before = await store.keyValues.get(at);
      const known = Buffer.from(before?.value ?? [])
        .toString()
        .split('\n');
      const lines = [...known, ...held].filter((line) => line !== '').slice(-MOST);
      const result = await store.keyValues.put({
        ...at,
        value: Buffer.from(`${lines.join('\n')}\n`),
        expiresAt: undefined,
        revision: before?.revision ?? 0,
        quota: grants.kv,
      });
      if (result.kind !== 'changed') break;
    }
  }
}
