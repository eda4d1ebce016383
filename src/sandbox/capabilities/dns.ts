import { isIP } from 'node:net';
import { z } from 'zod';
import { withTimeLimit } from '../../base/time-limit.ts';
import type { DnsGrant } from '../../ocp/capability.ts';
import { isDnsName, reverseName, type DnsQuestion, type DnsRecord } from './dns-message.ts';
import type { CapabilityPart } from './host.ts';
import { Rate } from '../../base/rate.ts';
import { answered, readRequest, refused } from './request.ts';
import type { Resolver } from './resolver.ts';

/**
 * Look-ups in DNS (`sdk/ABI.md`), as far as the grant allows: names, queries a minute, queries and time of one call. A name that is looked up
 * tells the servers of its zone, and all on the way, what is in it, so `names` is what keeps a plugin from telling them about mail.
 */
const requestSchema = z.strictObject({
  type: z.enum(['A', 'AAAA', 'MX', 'TXT', 'PTR']),
  /** With `address`: the zone that it is looked up in. */
  name: z.string().max(254).optional(),
  /** Its reverse name is put before that of the zone, which is that of reverse look-ups if there is none. */
  address: z.string().max(45).optional(),
});

/** What one call has used. */
interface Spent {
  queries: number;
  ms: number;
}

export function dnsPart(resolver: Resolver): CapabilityPart<DnsGrant> {
  const rate = new Rate();
  const calls = new WeakMap<object, Spent>();
  return {
    async call({ service, call, grant, octets, signal, about }) {
      const read = readRequest(octets, requestSchema);
      if (!('fields' in read)) return read;
      const question = questionOf(read.fields);
      if ('fault' in question) return refused('INVALID', question.fault);
      const { type, name } = question;
      about(`${type} ${name}`);
      if (grant.names !== undefined && !grant.names.some((pattern) => matches(name, pattern))) {
        return refused(
          'DENIED',
          `${name} is not among the names that are granted, ${grant.names.join(', ')}`,
        );
      }
      const spent = calls.get(call) ?? { queries: 0, ms: 0 };
      calls.set(call, spent);
      if (spent.queries >= grant.queriesPerCall) {
        return refused('LIMIT', `it would be more than ${grant.queriesPerCall} queries in one call`);
      }
      if (!rate.take(service, grant.queriesPerMinute)) {
        return refused('LIMIT', `it would be more than ${grant.queriesPerMinute} queries in a minute`);
      }
      const leftMs = grant.timeoutMs - spent.ms;
      if (leftMs <= 0) {
        return refused('UNAVAILABLE', `the queries of this call have taken ${grant.timeoutMs} ms already`);
      }
      spent.queries += 1;
      const startedMs = performance.now();
      const answer = await withTimeLimit({ ms: Math.ceil(leftMs), signal }, (limit) =>
        resolver.resolve(question, { signal: limit }),
      );
      spent.ms += performance.now() - startedMs;
      if (answer.kind === 'failed') return refused('UNAVAILABLE', `${type} ${name}: ${answer.cause}`);
      const { kind, ttl } = answer;
      return answered({ result: kind, ttl, records: kind === 'found' ? answer.records.map(asTold) : [] });
    },
  };
}

function questionOf({
  type,
  name,
  address,
}: z.output<typeof requestSchema>): DnsQuestion | { fault: string } {
  if (address !== undefined && (isIP(address) === 0 || address.includes('%')))
    return { fault: 'its address is not one of IPv4 or IPv6' };
  if (address === undefined && name === undefined) return { fault: 'it has neither a name nor an address' };
  const zone = name?.toLowerCase().replace(/\.$/, '');
  if (zone !== undefined && !isDnsName(zone)) {
    return { fault: 'its name is not one of DNS, in ASCII and of at most 253 octets' };
  }
  const asked = address === undefined ? zone! : reverseName(address, zone);
  return isDnsName(asked) ? { type, name: asked } : { fault: 'its name with the address is too long' };
}

/** `example.org` is that name, `*.example.org` all names below it. */
const matches = (name: string, pattern: string): boolean =>
  pattern.startsWith('*.') ? name.endsWith(pattern.slice(1)) : name === pattern;

/** The strings of a TXT record in one: that is how SPF, DKIM and DMARC read them (RFC 7208 section 3.3, RFC 6376 section 3.6.2.2). */
function asTold(record: DnsRecord): unknown {
  if (typeof record === 'string') return record;
  return 'exchange' in record ? record : record.join('');
}
