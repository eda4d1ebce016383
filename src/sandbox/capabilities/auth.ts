import { z } from 'zod';
import { describeError } from '../../base/errors.ts';
import { resultTexts } from './auth-results.ts';
import type { Authentication } from './authentication.ts';
import type { CapabilityPart } from './host.ts';
import { answered, readRequest, refused } from './request.ts';

const requestSchema = z.strictObject({});

/** SPF from MAIL on, and DKIM, ARC and DMARC as well when the message is there (`sdk/ABI.md`). */
export function authPart(authentication: Authentication): CapabilityPart<true> {
  return {
    async call({ octets, facts, image, about }) {
      const read = readRequest(octets, requestSchema);
      if (!('fields' in read)) return read;
      if (facts.sender === undefined) return refused('DENIED', 'there is no sender yet');
      about(image === undefined ? 'spf' : 'message');
      try {
        const results = await authentication.results({ facts, ...(image && { image }) });
        return answered({ ...results, texts: resultTexts(results) });
      } catch (thrown) {
        return refused('UNAVAILABLE', describeError(thrown));
      }
    },
  };
}
