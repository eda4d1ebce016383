import { z } from 'zod';
import type { KeyGrant } from '../../ocp/capability.ts';
import type { CapabilityAnswer } from '../../ocp/capability.ts';
import type { HeldKeys } from './held-keys.ts';
import type { CapabilityPart, PartRequest } from './host.ts';
import { Rate } from '../../base/rate.ts';
import { readRequest, refused } from './request.ts';

/**
 * What is done with keys that the host holds (`sdk/ABI.md`): a request names an operation and mostly a key, and gets the outcome; the key
 * itself never leaves this process. Operations of one kind are a file of their own (`key-dkim.ts`).
 */
export type KeyOperation = (request: KeyRequest) => Promise<CapabilityAnswer>;

export interface KeyRequest extends PartRequest<KeyGrant> {
  readonly keys: HeldKeys;
}

/** Its other keys are the operation's own. */
const requestSchema = z.looseObject({ op: z.string() });

export function keyPart(options: {
  readonly keys: HeldKeys;
  /** By the name that requests give. */
  readonly operations: Readonly<Record<string, KeyOperation>>;
}): CapabilityPart<KeyGrant> {
  const { keys } = options;
  const operations = new Map(Object.entries(options.operations));
  const rate = new Rate();
  return {
    async call(request) {
      const { service, grant } = request;
      const read = readRequest(request.octets, requestSchema);
      if (!('fields' in read)) return read;
      const operation = operations.get(read.fields.op);
      if (operation === undefined) {
        return refused(
          'INVALID',
          `there is no such operation, there are ${[...operations.keys()].join(', ')}`,
        );
      }
      if (!rate.take(service, grant.operationsPerMinute)) {
        return refused('LIMIT', `it would be more than ${grant.operationsPerMinute} operations in a minute`);
      }
      return operation({ ...request, keys });
    },
  };
}
