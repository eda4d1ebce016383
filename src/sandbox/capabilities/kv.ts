import { z } from 'zod';
import { OperationalError } from '../../base/errors.ts';
import type { CapabilityAnswer, KvGrant } from '../../ocp/capability.ts';
import type { KeyValue, KeyValues } from '../../ocp/key-value.ts';
import type { CapabilityPart } from './host.ts';
import { answered, readRequest, refused } from './request.ts';

/**
 * Values and counters that outlive the transaction, a service's own (`sdk/ABI.md`). A change is on disk when it is answered, and no two
 * calls that change one key at the same time, in whichever threads, see the same state before.
 */
const KEY_LIMIT = 512;
const VALUE_LIMIT = 1024 * 1024;
/** A hundred years: a time that no clock is wrong by. */
const LONGEST_SECONDS = 100 * 366 * 24 * 60 * 60;

const key = z
  .string()
  .min(1, 'must not be empty')
  // A lone surrogate would become another character on its way to the disk, and two keys one.
  .refine((text) => !/\p{Surrogate}/u.test(text), 'must be text')
  .refine((text) => Buffer.byteLength(text) <= KEY_LIMIT, `must have at most ${KEY_LIMIT} octets`);
/** Seconds from now. */
const expires = z.int().min(1).max(LONGEST_SECONDS).optional();

const requestSchema = z.discriminatedUnion('op', [
  z.strictObject({ op: z.literal('get'), key }),
  z.strictObject({ op: z.literal('put'), key, expires, revision: z.int().min(0).optional() }),
  z.strictObject({ op: z.literal('increment'), key, by: z.int().default(1), expires }),
  z.strictObject({ op: z.literal('delete'), key }),
]);

type KvRequest = z.output<typeof requestSchema>;

export function kvIn(values: KeyValues): CapabilityPart<KvGrant> {
  return {
    async call({ service, grant, octets, about }) {
      const read = readRequest(octets, requestSchema);
      if (!('fields' in read)) return read;
      const { fields, body } = read;
      about(`${fields.op} ${fields.key}`);
      if (fields.op !== 'put' && body.length > 0) return refused('INVALID', `${fields.op} takes no value`);
      if (body.length > VALUE_LIMIT) {
        return refused('LIMIT', `the value has ${body.length} octets, at most ${VALUE_LIMIT} are allowed`);
      }
      try {
        return await ask(values, { service, grant, fields, value: new Uint8Array(body) });
      } catch (thrown) {
        if (!(thrown instanceof OperationalError)) throw thrown;
        return refused('UNAVAILABLE', thrown.message);
      }
    },
  };
}

async function ask(
  values: KeyValues,
  asked: { service: string; grant: KvGrant; fields: KvRequest; value: Uint8Array },
): Promise<CapabilityAnswer> {
  const { service, grant, fields, value } = asked;
  const now = Date.now();
  const at = { service, key: fields.key, now };
  switch (fields.op) {
    case 'get': {
      const found = await values.get(at);
      if (found === undefined) return refused('NOT_FOUND', 'there is no such key');
      return answered({ revision: found.revision, ...secondsLeft(found, now) }, found.value);
    }
    case 'put': {
      const expiresAt = timeAfter(now, fields.expires);
      const result = await values.put({ ...at, value, expiresAt, revision: fields.revision, quota: grant });
      if (result.kind === 'full') return full(grant);
      return answered({ stored: result.kind === 'stored', revision: result.revision });
    }
    case 'increment': {
      const expiresAt = timeAfter(now, fields.expires);
      const result = await values.increment({ ...at, by: fields.by, expiresAt, quota: grant });
      if (result.kind === 'full') return full(grant);
      if (result.kind === 'unfit') {
        return refused('INVALID', 'the value is not a whole number, or would be one beyond 2^53');
      }
      return answered({ value: result.value, revision: result.revision, ...secondsLeft(result, now) });
    }
    case 'delete':
      return answered({ deleted: await values.remove(at) });
  }
}

const full = ({ keys, bytes }: KvGrant): CapabilityAnswer =>
  refused('LIMIT', `it would keep more than ${keys} keys or ${bytes} octets`);

const timeAfter = (now: number, seconds: number | undefined): number | undefined =>
  seconds === undefined ? undefined : now + seconds * 1000;

/** Rounded up: what is there has at least a part of a second left. */
function secondsLeft({ expiresAt }: Pick<KeyValue, 'expiresAt'>, now: number): { expires?: number } {
  return expiresAt === undefined ? {} : { expires: Math.ceil((expiresAt - now) / 1000) };
}
