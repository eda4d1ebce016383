import { z } from 'zod';
import { duration, filePath, host, httpUrl, integer } from './scalars.ts';
import { map, protocolRule } from './schema-maps.ts';

const syslogHost = host.default('127.0.0.1');

const syslog = z.discriminatedUnion(
  'protocol',
  [
    map({ protocol: z.literal('udp'), host: syslogHost, port: integer(1, 65_535).default(514) }),
    map({ protocol: z.literal('tcp'), host: syslogHost, port: integer(1, 65_535).default(514) }),
    map({
      protocol: z.literal('tls'),
      host,
      port: integer(1, 65_535).default(6514),
      ca: filePath.optional(),
    }),
    map({ protocol: z.literal('unix'), path: filePath }),
  ],
  { error: (issue) => protocolRule(issue.code, ['udp', 'tcp', 'tls', 'unix']) },
);

/** Where incidents go. */
export const incidents = map({
  syslog: syslog.optional(),
  file: map({ path: filePath }).optional(),
  webhook: map({
    url: httpUrl,
    secret: filePath.optional(),
    timeout: duration('100ms', '30s').prefault('5s'),
  }).optional(),
});
