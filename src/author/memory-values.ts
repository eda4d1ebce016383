import {
  isDecimal,
  type KeyAt,
  type KeyQuota,
  type KeyValue,
  type KeyValues,
  type PutRequest,
} from '../ocp/key-value.ts';

/** What services keep, as long as they are tried: nothing of it is on disk. */
export function memoryValues(): KeyValues {
  const services = new Map<string, Map<string, KeyValue>>();
  let revisions = 0;

  const valuesOf = ({ service, now }: KeyAt): Map<string, KeyValue> => {
    const values = services.get(service) ?? new Map<string, KeyValue>();
    services.set(service, values);
    for (const [key, { expiresAt }] of values) {
      if (expiresAt !== undefined && expiresAt <= now) values.delete(key);
    }
    return values;
  };
  const store = (request: Omit<PutRequest, 'revision'>): number | undefined => {
    const { key, value, expiresAt, quota } = request;
    const values = valuesOf(request);
    const after = new Map(values).set(key, { value, expiresAt, revision: revisions + 1 });
    if (!fits(after, quota)) return undefined;
    revisions += 1;
    services.set(request.service, after);
    return revisions;
  };

  return {
    get: async (at) => valuesOf(at).get(at.key),
    async put(request) {
      const before = valuesOf(request).get(request.key)?.revision ?? 0;
      if (request.revision !== undefined && request.revision !== before) {
        return { kind: 'changed', revision: before };
      }
      const revision = store(request);
      return revision === undefined ? { kind: 'full' } : { kind: 'stored', revision };
    },
    async increment(request) {
      const found = valuesOf(request).get(request.key);
      const before = found === undefined ? '0' : Buffer.from(found.value).toString('latin1');
      const value = Number(before) + request.by;
      if (!isDecimal(before) || !Number.isSafeInteger(value)) return { kind: 'unfit' };
      const expiresAt = found === undefined ? request.expiresAt : found.expiresAt;
      const revision = store({ ...request, value: Buffer.from(String(value)), expiresAt });
      return revision === undefined ? { kind: 'full' } : { kind: 'counted', value, revision, expiresAt };
    },
    remove: async (at) => valuesOf(at).delete(at.key),
  };
}

function fits(values: ReadonlyMap<string, KeyValue>, { keys, bytes }: KeyQuota): boolean {
  let size = 0;
  for (const [key, { value }] of values) size += Buffer.byteLength(key) + value.length;
  return values.size <= keys && size <= bytes;
}
