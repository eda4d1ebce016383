import { filePath, integer, ipAddress, webUrl } from './scalars.ts';
import { map } from './schema-maps.ts';

/** The web server that serves files. */
export const web = map({
  address: ipAddress.default('127.0.0.1'),
  port: integer(0, 65_535),
  tls: map({ cert: filePath, key: filePath }).optional(),
  publicUrl: webUrl,
  connections: integer(1, 10_000).default(200),
  requestsPerMinute: integer(1, 100_000).default(120),
});
