import { z } from 'zod';
import {
  dnsServer,
  domain,
  duration,
  filePath,
  host,
  integer,
  mailbox,
  name,
  network,
  opesUri,
  senderAddress,
  size,
  word,
} from './scalars.ts';
import { blobStore } from './schema-blob-stores.ts';
import { directory } from './schema-directories.ts';
import { downstream } from './schema-downstreams.ts';
import { groupEntry } from './schema-groups.ts';
import { incidents } from './schema-incidents.ts';
import { heldKey } from './schema-keys.ts';
import { listener } from './schema-listeners.ts';
import { map, named, oneOrMore } from './schema-maps.ts';
import { plugins } from './schema-plugins.ts';
import { service } from './schema-services.ts';
import { web } from './schema-web.ts';

/** What the file may say, key by key; what needs more room is in `schema-*.ts`. What must hold between keys is in `references.ts`. */

const scanner = map({
  protocol: word('clamd'),
  socket: filePath.optional(),
  host: host.optional(),
  port: integer(1, 65_535).optional(),
  timeout: duration('100ms', '60s').prefault('20s'),
  maxBytes: size('1KiB', '4GiB').prefault('25MiB'),
});

const requester = map({
  authenticated: z.literal(true, 'must be true; leave the key out if it does not matter').optional(),
  client: oneOrMore(network).optional(),
  sender: oneOrMore(senderAddress).optional(),
  senderDomain: oneOrMore(domain).optional(),
}).refine((rule) => Object.keys(rule).length > 0, 'must have at least one condition');

export const configSchema = map({
  hostname: domain,
  stateDir: filePath.default('./var'),
  postmaster: mailbox.optional(),
  pluginDirectory: filePath.optional(),
  listeners: named(listener, 'listener').refine(
    (all) => Object.keys(all).length > 0,
    'must have at least one listener',
  ),
  downstreams: named(downstream, 'downstream'),
  scanners: named(scanner, 'scanner').default({}),
  directories: named(directory, 'directory').default({}),
  blobStores: named(blobStore, 'store').default({}),
  services: named(service, 'service').default({}),
  groups: named(z.array(groupEntry, 'must be a list of services'), 'list of services').default({}),
  keys: named(heldKey, 'key').default({}),
  queue: map({
    // The comparisons are written so that they hold where one side is no number: that is reported already.
    retry: map({
      first: duration('1s', '1d').prefault('1m'),
      max: duration('1s', '7d').prefault('1h'),
    })
      .refine(({ first, max }) => !(first > max), { path: ['max'], error: 'must not be shorter than first' })
      .prefault({}),
    giveUpAfter: duration('1m', '30d').prefault('5d'),
    concurrency: integer(1, 1000).default(20),
  })
    .refine(({ retry, giveUpAfter }) => !(retry.first > giveUpAfter), {
      path: ['giveUpAfter'],
      error: 'must not be shorter than retry.first',
    })
    .prefault({}),
  opes: map({
    system: opesUri.optional(),
    bypass: z
      .array(requester, 'must be a list of maps')
      .max(100, 'must have at most 100 entries')
      .default([]),
  }).prefault({}),
  bounce: map({ downstream: name.optional() }).default({}),
  notices: map({
    from: mailbox.optional(),
    perHour: integer(1, 1_000_000).default(1000),
    perRecipientPerHour: integer(1, 100_000).default(10),
  }).prefault({}),
  incidents: incidents.default({}),
  log: map({ level: word('debug', 'info', 'warn', 'error').default('info') }).prefault({}),
  resolver: map({
    servers: z
      .array(dnsServer, 'must be a list of IP addresses')
      .min(1, 'must have at least one address; leave the key out to ask those of the system')
      .max(10, 'must have at most 10 addresses')
      .optional(),
    timeout: duration('100ms', '30s').prefault('2s'),
  }).prefault({}),
  web: web.optional(),
  sandbox: map({ workers: integer(1, 64).optional() }).default({}),
  plugins: plugins.prefault({}),
});

/** What the schema lets through, defaults filled in, sizes in octets and durations in milliseconds. */
export type CheckedConfig = z.output<typeof configSchema>;

/** The JSON Schema (draft 2020-12) of the file, for editors that complete and check YAML by it. */
export function configJsonSchema(): object {
  return { title: 'Postern configuration', ...z.toJSONSchema(configSchema, { io: 'input' }) };
}
