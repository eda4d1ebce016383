import { z } from 'zod';
import { duration, filePath, host, integer, word } from './scalars.ts';
import { map, protocolRule } from './schema-maps.ts';

const remoteKeys = {
  host: host.optional(),
  port: integer(1, 65_535).optional(),
  socket: filePath.optional(),
  tls: word('none', 'opportunistic', 'required').optional(),
  ca: filePath.optional(),
  maxConnections: integer(1, 1000).default(100),
  idleSeconds: integer(1, 3600).default(30),
  folder: word('none', 'detail', 'header').default('none'),
  recipientDelimiter: word('+', '-').default('+'),
  timeouts: map({
    connect: duration('1s', '10m').prefault('30s'),
    command: duration('1s', '1h').prefault('60s'),
    data: duration('1s', '1h').prefault('120s'),
    finalReply: duration('1s', '1h').prefault('10m'),
  }).prefault({}),
};

/** Where mail goes next. */
export const downstream = z.discriminatedUnion(
  'protocol',
  [
    map({ protocol: z.literal('smtp'), ...remoteKeys }),
    map({ protocol: z.literal('lmtp'), ...remoteKeys }),
    map({ protocol: z.literal('maildir'), path: filePath }),
  ],
  { error: (issue) => protocolRule(issue.code, ['smtp', 'lmtp', 'maildir']) },
);
