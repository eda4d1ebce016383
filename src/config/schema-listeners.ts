import { z } from 'zod';
import { domain, filePath, integer, ipAddress, name, size, word } from './scalars.ts';
import { map, protocolRule } from './schema-maps.ts';

const MODE = word('through', 'queue');

const listenerKeys = {
  address: ipAddress.default('127.0.0.1'),
  port: integer(0, 65_535),
  downstream: name,
  mode: MODE.default('queue'),
  group: name.optional(),
  tls: map({ cert: filePath, key: filePath }).optional(),
  maxMessageSize: size('64KiB', '1GiB').prefault('50MiB'),
  limits: map({
    sessions: integer(1, 10_000).default(1000),
    // Below a downstream's maxConnections, so that one client can't hold them all in through mode.
    sessionsPerAddress: integer(1, 10_000).default(50),
    // RFC 5321 section 4.5.3.1.8: at least 100 must be taken.
    recipients: integer(100, 10_000).default(1000),
    errors: integer(1, 1000).default(10),
    // RFC 5321 section 4.5.3.2.7: at least 5 minutes is asked for; less is the operator's choice.
    idleSeconds: integer(10, 3600).default(300),
    transactionSeconds: integer(60, 86_400).default(1800),
  }).prefault({}),
  greetingDelayMs: integer(0, 30_000).default(0),
  lineEndings: word('refuse', 'repair').default('refuse'),
};

const mixedVerdicts = word('bounce', 'reject', 'tempfail').default('bounce');

const NO_DOMAINS = 'must have at least one domain: without, it would relay for anyone';
const domains = z.array(domain, 'must be a list of domain names');

/** What is common to all protocols, and what each has besides. */
export const listener = z.discriminatedUnion(
  'protocol',
  [
    map({ protocol: z.literal('smtp'), domains: domains.min(1, NO_DOMAINS), mixedVerdicts, ...listenerKeys }),
    map({ protocol: z.literal('submission'), auth: map({ file: filePath }), mixedVerdicts, ...listenerKeys }),
    map({
      protocol: z.literal('lmtp'),
      domains: domains.min(1, 'must not be empty; leave the key out to accept every domain').optional(),
      ...listenerKeys,
    }),
  ],
  { error: (issue) => protocolRule(issue.code, ['smtp', 'submission', 'lmtp']) },
);
