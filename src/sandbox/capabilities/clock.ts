import { z } from 'zod';
import type { CapabilityPart } from './host.ts';
import { answered, readRequest } from './request.ts';

const requestSchema = z.strictObject({});

/** The time of day: `{}` is answered with `{"ms":1700000000000}`, milliseconds since the epoch. */
export const clock: CapabilityPart<true> = {
  call({ octets }) {
    const read = readRequest(octets, requestSchema);
    return Promise.resolve('fields' in read ? answered({ ms: Date.now() }) : read);
  },
};
