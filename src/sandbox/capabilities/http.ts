import type { SecureContext } from 'node:tls';
import { z } from 'zod';
import { describeError } from '../../base/errors.ts';
import type { CapabilityAnswer, HttpGrant } from '../../ocp/capability.ts';
import { contentOf, contentSchema } from './content.ts';
import { guardedLookup, type Resolve } from './http-address.ts';
import { exchange } from './http-exchange.ts';
import { fieldsFault } from './http-fields.ts';
import { readSecrets } from './http-secrets.ts';
import { systemTrust } from './http-trust.ts';
import type { CapabilityPart } from './host.ts';
import { Rate } from '../../base/rate.ts';
import { readRequest, refused } from './request.ts';

/**
 * Requests to servers that the operator names (`sdk/ABI.md`): scheme, host and port must be those of a target, and the address that the
 * host's name leads to must be one that the grant reaches (`http-address.ts`). Redirects are not followed: a plugin that wants to go
 * on asks for the new place, which is judged as any other.
 */
const URL_LIMIT = 8 * 1024;
// Visible ASCII: what a URL parser would quietly take out or rewrite is not sent in.
const URL_TEXT = /^[\x21-\x7e]+$/;

const requestSchema = z.strictObject({
  method: z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']).default('GET'),
  url: z
    .string()
    .max(URL_LIMIT, `must have at most ${URL_LIMIT} characters`)
    .regex(URL_TEXT, 'must be printable ASCII without spaces'),
  headers: z.record(z.string(), z.string()).default({}),
  content: contentSchema,
});

type HttpRequest = z.output<typeof requestSchema>;

/** `resolve` is for tests. */
export function httpPart({ resolve }: { resolve?: Resolve } = {}): CapabilityPart<HttpGrant> {
  const rate = new Rate();
  let trust: SecureContext | undefined;
  return {
    async call(request) {
      const { service, grant, about } = request;
      const read = readRequest(request.octets, requestSchema);
      if (!('fields' in read)) return read;
      const url = URL.canParse(read.fields.url) ? new URL(read.fields.url) : undefined;
      if (url === undefined || !/^https?:$/.test(url.protocol)) {
        return refused('INVALID', 'its URL is not one of http or https');
      }
      about(`${read.fields.method} ${url.origin}`);
      const content = contentOf(request, { content: read.fields.content, body: read.body });
      if ('fault' in content) return refused('INVALID', content.fault);
      const refusal = refusalOf(read.fields, { url, grant });
      if (refusal !== undefined) return refusal;
      if (!rate.take(service, grant.requestsPerMinute)) {
        return refused('LIMIT', `it would be more than ${grant.requestsPerMinute} requests in a minute`);
      }
      const secrets = await readSecrets(grant.secrets, request.signal);
      if ('fault' in secrets) return refused('UNAVAILABLE', secrets.fault);
      try {
        if (url.protocol === 'https:') trust ??= systemTrust();
      } catch (thrown) {
        return refused('UNAVAILABLE', `there is nothing to verify servers by: ${describeError(thrown)}`);
      }
      const answer = await exchange({
        ...grant,
        method: read.fields.method,
        url,
        fields: { ...read.fields.headers, ...secrets.fields },
        body: content,
        // What is decoded is shorter, and nobody knows how much before it is read.
        isSized: read.fields.content === undefined || isIdentity(read.fields.content.encoding),
        lookup: guardedLookup({ allowPrivate: grant.allowPrivate, ...(resolve && { resolve }) }),
        trust,
        signal: request.signal,
      });
      return hiding(answer, Object.values(secrets.fields));
    },
  };
}

const isIdentity = (encoding: string): boolean => /^(?:|7bit|8bit|binary)$/i.test(encoding);

function refusalOf(
  { headers }: HttpRequest,
  asked: { url: URL; grant: HttpGrant },
): CapabilityAnswer | undefined {
  const { url, grant } = asked;
  if (url.username !== '' || url.password !== '')
    return refused('INVALID', 'its URL has a name or a password');
  if (!grant.targets.some((target) => new URL(target).origin === url.origin)) {
    const granted = grant.targets.join(', ');
    return refused('DENIED', `${url.origin} is not among the targets that are granted, ${granted}`);
  }
  const reserved = new Set(grant.secrets.map(({ header }) => header.toLowerCase()));
  const fault = fieldsFault(headers, reserved);
  return fault === undefined ? undefined : refused('INVALID', fault);
}

/** The cause of a refusal goes into logs: whatever it was made of, no secret is in it. */
function hiding(answer: CapabilityAnswer, secrets: readonly string[]): CapabilityAnswer {
  if (answer.kind === 'answer') return answer;
  const cause = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), answer.cause);
  return { ...answer, cause };
}
