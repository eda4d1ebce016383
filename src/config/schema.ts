import { z } from 'zod';
import { NOTICE_TO } from '../ocp/notice.ts';
import { PACKAGE_NAME_FORM, VENDOR_FORM } from '../ocp/package-name.ts';
import {
  dnsNames,
  dnsServer,
  domain,
  duration,
  filePath,
  headerName,
  host,
  httpOrigin,
  httpUrl,
  integer,
  ipAddress,
  ldapFilter,
  ldapUrl,
  mailbox,
  mailboxOrDomain,
  name,
  network,
  selector,
  opesUri,
  senderAddress,
  size,
  webUrl,
  word,
} from './scalars.ts';
import { suggest } from './suggest.ts';

/** What the file may say, key by key. What must hold between keys is in `references.ts`. */

/**
 * A map with exactly these keys. Its message for unknown keys has one line for each, in zod's order; `issues.ts` gives
 * every line to the key that it is about.
 */
export function map<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => `unknown key, ${suggest(key, known)}`).join('\n')
        : `must be a map with the keys ${known.join(', ')}`,
  });
}

const named = <Value extends z.ZodType>(value: Value, what: string) =>
  z.record(name, value, `must be a map from a name to its ${what}`);

/** One value, or a list of them that is not empty. */
function oneOrMore<Item extends z.ZodType>(item: Item) {
  return z
    .union([item, z.array(item).min(1, 'must not be an empty list')], 'must be a text or a list of texts')
    .transform((value) => (Array.isArray(value) ? value : [value]) as z.output<Item>[]);
}

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

const listener = z.discriminatedUnion(
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

function protocolRule(code: string | undefined, protocols: readonly string[]): string {
  return code === 'invalid_type' ? 'must be a map' : `must be one of ${protocols.join(', ')}`;
}

const remoteKeys = {
  host: host.optional(),
  port: integer(1, 65_535).optional(),
  socket: filePath.optional(),
  tls: word('none', 'opportunistic', 'required').optional(),
  ca: filePath.optional(),
  maxConnections: integer(1, 1000).default(100),
  idleSeconds: integer(1, 3600).default(30),
  timeouts: map({
    connect: duration('1s', '10m').prefault('30s'),
    command: duration('1s', '1h').prefault('60s'),
    data: duration('1s', '1h').prefault('120s'),
    finalReply: duration('1s', '1h').prefault('10m'),
  }).prefault({}),
};

const downstream = z.discriminatedUnion(
  'protocol',
  [
    map({ protocol: z.literal('smtp'), ...remoteKeys }),
    map({ protocol: z.literal('lmtp'), ...remoteKeys }),
    map({ protocol: z.literal('maildir'), path: filePath }),
  ],
  { error: (issue) => protocolRule(issue.code, ['smtp', 'lmtp', 'maildir']) },
);

const scanner = map({
  protocol: word('clamd'),
  socket: filePath.optional(),
  host: host.optional(),
  port: integer(1, 65_535).optional(),
  timeout: duration('100ms', '60s').prefault('20s'),
  maxBytes: size('1KiB', '4GiB').prefault('25MiB'),
});

const BUCKET_RULE = 'must be the name of a bucket: 3 to 63 of a-z, 0-9, "." and "-"';
const PREFIX_RULE =
  'must have at most 100 of A-Z, a-z, 0-9, "-", "_", "." and "/", none of its parts empty, "." or ".."';
const REGION_RULE = 'must be a region such as eu-central-1';
const KEY_ID_RULE = 'must be the id of a key: 1 to 128 of A-Z, a-z, 0-9, ":", ".", "-" and "_"';

// All of it goes into links, which must fit into a line of mail (998 octets).
const blobStore = map({
  protocol: word('s3'),
  endpoint: httpOrigin,
  region: z.string(REGION_RULE).regex(/^[A-Za-z0-9-]{1,64}$/, REGION_RULE),
  bucket: z.string(BUCKET_RULE).regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, BUCKET_RULE),
  prefix: z
    .string(PREFIX_RULE)
    .regex(/^(?!\/)(?!.*(?:^|\/)\.{0,2}\/)[\w./-]{0,100}$/, PREFIX_RULE)
    .default('postern/'),
  pathStyle: z.boolean('must be true or false').default(true),
  accessKeyId: z.string(KEY_ID_RULE).regex(/^[\w:.-]{1,128}$/, KEY_ID_RULE),
  secretKeyFile: filePath,
  timeout: duration('1s', '10m').prefault('20s'),
});

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

const COLUMN_RULE = 'must be the name of a column';
const column = z.string(COLUMN_RULE).min(1, COLUMN_RULE).max(200, COLUMN_RULE);
const text = z
  .string('must be a text')
  .min(1, 'must not be empty')
  .max(1000, 'must have at most 1000 characters');

const directoryKeys = {
  maxRows: integer(1, 100).default(10),
  cache: duration('0s', '1d').prefault('5m'),
  timeout: duration('100ms', '60s').prefault('5s'),
};
const tableKeys = {
  file: filePath,
  key: column,
  columns: z
    .array(column, 'must be a list of columns')
    .min(1, 'must have at least one column')
    .max(100)
    .optional(),
};

const directory = z.discriminatedUnion(
  'type',
  [
    map({ type: z.literal('csv'), ...tableKeys, ...directoryKeys }),
    map({ type: z.literal('sqlite'), table: text, ...tableKeys, ...directoryKeys }),
    map({
      type: z.literal('ldap'),
      url: ldapUrl,
      startTls: z.boolean('must be true or false').default(false),
      ca: filePath.optional(),
      bind: map({ dn: text, passwordFile: filePath }).optional(),
      base: text,
      scope: word('base', 'one', 'sub').default('sub'),
      filter: ldapFilter,
      attributes: z
        .array(text, 'must be a list of attributes')
        .min(1, 'must have at least one attribute')
        .max(100, 'must have at most 100 attributes'),
      ...directoryKeys,
    }).refine(({ url, startTls }) => !(startTls && url.startsWith('ldaps:')), {
      path: ['startTls'],
      error: 'must not be given with ldaps://, which is TLS from the beginning',
    }),
  ],
  { error: (issue) => protocolRule(issue.code, ['csv', 'sqlite', 'ldap']) },
);

const PLUGIN_RULE =
  'must be the name of a plugin such as attachment-guard, an installed package such as acme/footer@1.2.0, or a path that ends in .wasm';
// oxlint-disable-next-line no-control-regex -- control characters are what this refuses
const PATH_FORM = /[^\u0000-\u001f\u007f]*[^\u0000-\u001f\u007f/]\.wasm/;
// One expression, so that editors which go by the JSON Schema see it too.
const PLUGIN_FORM = new RegExp(
  `^(?:[a-z0-9][a-z0-9_-]{0,63}|${PATH_FORM.source}|${PACKAGE_NAME_FORM.source})$`,
);
const plugin = z.string(PLUGIN_RULE).max(4096, PLUGIN_RULE).regex(PLUGIN_FORM, PLUGIN_RULE);

const policy = word('tempfail', 'accept', 'reject', 'quarantine');
const onFailure = z.union(
  [
    policy,
    map({
      load: policy.default('tempfail'),
      trap: policy.default('tempfail'),
      deadline: policy.default('tempfail'),
      capability: policy.default('tempfail'),
    }),
  ],
  `must be one of ${policy.options.join(', ')}, or a map with the keys load, trap, deadline, capability`,
);

/** What can be granted, and what each is bound to. */
export const grants = map({
  clock: z.literal(true, 'must be true; leave the key out to grant no clock').optional(),
  kv: map({
    keys: integer(1, 1_000_000).default(10_000),
    bytes: size('1KiB', '1GiB').prefault('10MiB'),
  }).optional(),
  http: map({
    targets: z
      .array(httpOrigin, 'must be a list of origins such as https://api.example.com')
      .min(1, 'must have at least one origin such as https://api.example.com')
      .max(100, 'must have at most 100 origins'),
    allowPrivate: z.boolean('must be true or false').default(false),
    requestsPerMinute: integer(1, 100_000).default(600),
    timeout: duration('100ms', '60s').prefault('3s'),
    responseBytes: size('1KiB', '16MiB').prefault('1MiB'),
    secrets: z
      .array(map({ header: headerName, file: filePath }), 'must be a list of maps')
      .max(20, 'must have at most 20 entries')
      .default([]),
  }).optional(),
  directory: map({
    tables: z
      .array(name, 'must be a list of directories')
      .min(1, 'must have at least one directory')
      .max(100, 'must have at most 100 directories'),
    requestsPerMinute: integer(1, 1_000_000).default(6000),
  }).optional(),
  dns: map({
    names: z
      .array(dnsNames, 'must be a list of names such as *.example.org')
      .min(1, 'must have at least one name; leave the key out to grant all')
      .max(100, 'must have at most 100 names')
      .optional(),
    queriesPerMinute: integer(1, 1_000_000).default(6000),
    queriesPerCall: integer(1, 1000).default(50),
    timeout: duration('100ms', '60s').prefault('5s'),
  }).optional(),
  blob: map({
    blobs: integer(1, 100_000).default(10_000),
    bytes: size('1MiB', '1000GiB').prefault('10GiB'),
    blobBytes: size('1KiB', '1GiB').prefault('50MiB'),
    expires: duration('1m', '366d').prefault('30d'),
    putsPerMinute: integer(1, 100_000).default(600),
    store: name.optional(),
  }).optional(),
  notify: map({
    // Without `sender`: the sender of bad mail is forged more often than not.
    to: z
      .array(word(...NOTICE_TO), `must be a list of ${NOTICE_TO.join(', ')}`)
      .default(['postmaster', 'recipients']),
    perHour: integer(1, 100_000).default(100),
    incidents: z.boolean('must be true or false').default(true),
  }).optional(),
  auth: z.literal(true, 'must be true; leave the key out to grant no auth').optional(),
  key: map({
    keys: z
      .array(name, 'must be a list of names of keys')
      .min(1, 'must have at least one name of a key')
      .max(100, 'must have at most 100 names of keys'),
    operationsPerMinute: integer(1, 100_000).default(600),
  }).optional(),
  scan: map({
    scanner: name,
    requestsPerMinute: integer(1, 1_000_000).default(6000),
    bytesPerMinute: size('1MiB', '64GiB').prefault('4GiB'),
  }).optional(),
});

const ADDRESSES_RULE = 'must be a list of mail addresses and domain names';
const addresses = z
  .array(mailboxOrDomain, ADDRESSES_RULE)
  .min(1, 'must have at least one mail address or domain name')
  .max(1000, 'must have at most 1000 entries');
const KEY_TYPES = ['dkim', 'smime', 'smime-partners', 'openpgp', 'openpgp-partners'];
const heldKey = z.discriminatedUnion(
  'type',
  [
    map({ type: z.literal('dkim'), file: filePath, domain, selector }),
    map({ type: z.literal('smime'), file: filePath, certificate: filePath, addresses }),
    map({
      type: z.literal('smime-partners'),
      authorities: filePath,
      revocations: filePath.optional(),
      directory: filePath,
    }),
    map({ type: z.literal('openpgp'), file: filePath, addresses }),
    map({ type: z.literal('openpgp-partners'), directory: filePath }),
  ],
  { error: (issue) => protocolRule(issue.code, KEY_TYPES) },
);

export const service = map({
  plugin,
  enabled: z.boolean('must be true or false').default(true),
  settings: z.record(z.string(), z.unknown(), 'must be a map').default({}),
  mode: word('enforce', 'monitor').default('enforce'),
  allowModify: z.boolean('must be true or false').default(false),
  onFailure: onFailure.default('tempfail'),
  // Without defaults: what is not said here is what the package's manifest says, which is not read yet.
  limits: map({
    memoryMiB: integer(1, 1024).optional(),
    deadlineMs: integer(10, 60_000).optional(),
    outputBytes: size('1KiB', '1MiB').optional(),
    logBytes: size('0B', '1MiB').optional(),
    hostCalls: integer(100, 100_000_000).optional(),
    addedBytes: size('0B', '256MiB').optional(),
  }).default({}),
  grants: grants.default({}),
  isolation: word('thread', 'process').default('thread'),
  callsPerInstance: integer(1, 10_000).default(1),
  bypassable: z.boolean('must be true or false').default(false),
});

const when = map({
  recipientDomain: oneOrMore(domain).optional(),
  recipient: oneOrMore(mailbox).optional(),
  senderDomain: oneOrMore(domain).optional(),
  sender: oneOrMore(senderAddress).optional(),
  client: oneOrMore(network).optional(),
  authenticated: z.boolean('must be true or false').optional(),
}).refine(
  (rule) => Object.keys(rule).length > 0,
  'must have at least one condition; leave the key out to ask always',
);

const requester = map({
  authenticated: z.literal(true, 'must be true; leave the key out if it does not matter').optional(),
  client: oneOrMore(network).optional(),
  sender: oneOrMore(senderAddress).optional(),
  senderDomain: oneOrMore(domain).optional(),
}).refine((rule) => Object.keys(rule).length > 0, 'must have at least one condition');

const groupEntry = z.union(
  [name, map({ service: name, when: when.optional() })],
  'must be the name of a service, or a map with the keys service, when',
);

const VENDOR_RULE = 'must be a vendor: a-z, 0-9 and "-", as in the first half of a package\'s id';
const vendor = z.string(VENDOR_RULE).regex(VENDOR_FORM, VENDOR_RULE);

const KEY_RULE = 'must be a public key of minisign: the line of 56 characters that begins with RW';
// Base64 of "Ed" and 40 more octets: whatever has this form is a key that can be read.
const publicKey = z.string(KEY_RULE).regex(/^RW[QRST][A-Za-z0-9+/]{53}$/, KEY_RULE);

const DIGEST_RULE = 'must be the digest of a package: sha256: and 64 of 0-9 and a-f';
const digest = z.string(DIGEST_RULE).regex(/^sha256:[0-9a-f]{64}$/, DIGEST_RULE);

const vendorTrust = map({
  keys: z.array(publicKey, 'must be a list of public keys').min(1, 'must have at least one public key'),
  threshold: integer(1, 16).default(1),
}).refine(({ keys, threshold }) => keys.length === 0 || !(threshold > new Set(keys).size), {
  path: ['threshold'],
  error: 'must not be more than there are keys',
});

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
  incidents: map({
    syslog: syslog.optional(),
    file: map({ path: filePath }).optional(),
    webhook: map({
      url: httpUrl,
      secret: filePath.optional(),
      timeout: duration('100ms', '30s').prefault('5s'),
    }).optional(),
  }).default({}),
  log: map({ level: word('debug', 'info', 'warn', 'error').default('info') }).prefault({}),
  resolver: map({
    servers: z
      .array(dnsServer, 'must be a list of IP addresses')
      .min(1, 'must have at least one address; leave the key out to ask those of the system')
      .max(10, 'must have at most 10 addresses')
      .optional(),
    timeout: duration('100ms', '30s').prefault('2s'),
  }).prefault({}),
  web: map({
    address: ipAddress.default('127.0.0.1'),
    port: integer(0, 65_535),
    tls: map({ cert: filePath, key: filePath }).optional(),
    publicUrl: webUrl,
    connections: integer(1, 10_000).default(200),
    requestsPerMinute: integer(1, 100_000).default(120),
  }).optional(),
  sandbox: map({ workers: integer(1, 64).optional() }).default({}),
  plugins: map({
    trust: z.record(vendor, vendorTrust, 'must be a map from a vendor to its keys').default({}),
    revoked: map({
      keys: z.array(publicKey, 'must be a list of public keys').default([]),
      packages: z.array(digest, 'must be a list of digests').default([]),
    }).prefault({}),
    allowUnsigned: z.boolean('must be true or false').default(false),
  }).prefault({}),
});

/** What the schema lets through, defaults filled in, sizes in octets and durations in milliseconds. */
export type CheckedConfig = z.output<typeof configSchema>;

/** The JSON Schema (draft 2020-12) of the file, for editors that complete and check YAML by it. */
export function configJsonSchema(): object {
  return { title: 'Postern configuration', ...z.toJSONSchema(configSchema, { io: 'input' }) };
}
