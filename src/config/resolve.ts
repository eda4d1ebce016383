import { dirname, resolve as resolvePath } from 'node:path';
import { fileURLToPath } from 'node:url';
import { normalAddress } from '../mail/address.ts';
import type { BlobGrant, BlobStore, Directory, Grants, HttpGrant, Scanner } from '../ocp/capability.ts';
import type { HeldKey } from '../ocp/held-key.ts';
import type { FailureKind, FailurePolicy, ServiceGroup, WhenRule } from '../ocp/service.ts';
import type { Config, DownstreamConfig, IncidentsConfig, ListenerConfig, ServiceConfig } from './config.ts';
import type { CheckedConfig } from './schema.ts';

/** Makes the config of what the schema let through: paths absolute, names put into what they name, rules as lists. */
export function resolveConfig(checked: CheckedConfig, file: string): Config {
  const directory = dirname(resolvePath(file));
  const at: ToPath = (path) => resolvePath(directory, path);
  const { hostname, queue, opes, bounce, notices, sandbox, web } = checked;
  const pluginDirectory =
    checked.pluginDirectory === undefined ? PLUGIN_DIRECTORY : at(checked.pluginDirectory);
  return {
    file,
    hostname,
    stateDir: at(checked.stateDir),
    postmaster: checked.postmaster ?? `postmaster@${hostname}`,
    pluginDirectory,
    isShippedPluginDirectory: pluginDirectory === PLUGIN_DIRECTORY,
    listeners: Object.entries(checked.listeners).map(([name, value]) => listenerOf(name, { value, at })),
    downstreams: Object.entries(checked.downstreams).map(([name, value]) =>
      downstreamOf(name, { value, at }),
    ),
    directories: Object.entries(checked.directories).map(([name, value]) => directoryOf(name, { value, at })),
    scanners: Object.entries(checked.scanners).map(([name, value]) => scannerOf(name, { value, at })),
    blobStores: Object.entries(checked.blobStores).map(
      ([name, { protocol: _protocol, timeout, ...rest }]): BlobStore => ({
        ...rest,
        name,
        secretKeyFile: at(rest.secretKeyFile),
        timeoutMs: timeout,
      }),
    ),
    services: Object.entries(checked.services).map(([name, value]) => serviceOf(name, { value, at })),
    groups: Object.entries(checked.groups).map(([name, entries]) => groupOf(name, entries)),
    keys: Object.entries(checked.keys).map(([name, value]) => keyOf(name, { value, at })),
    queue: {
      retry: { firstMs: queue.retry.first, maxMs: queue.retry.max },
      giveUpAfterMs: queue.giveUpAfter,
      concurrency: queue.concurrency,
    },
    opes: {
      // RFC 3897 section 3.1: a trace is a ticket with the address where to hand it in.
      system: opes.system ?? `mailto:postmaster@${hostname}`,
      bypass: opes.bypass.map(ruleOf),
    },
    bounce: defined(bounce),
    notices: { ...notices, from: notices.from ?? `MAILER-DAEMON@${hostname}` },
    incidents: incidentsOf(checked.incidents, at),
    log: checked.log,
    resolver: defined({ servers: checked.resolver.servers, timeoutMs: checked.resolver.timeout }),
    ...(web && {
      web: defined({ ...web, tls: web.tls && { cert: at(web.tls.cert), key: at(web.tls.key) } }),
    }),
    sandbox: defined(sandbox),
    plugins: checked.plugins,
  };
}

type ToPath = (path: string) => string;
type Named<Section extends 'listeners' | 'downstreams' | 'directories' | 'scanners' | 'services' | 'keys'> = {
  readonly value: CheckedConfig[Section][string];
  readonly at: ToPath;
};

// `plugins/` of the installation, from `src/config/` as from `dist/config/`.
const PLUGIN_DIRECTORY = fileURLToPath(new URL('../../plugins', import.meta.url));

function listenerOf(name: string, { value, at }: Named<'listeners'>): ListenerConfig {
  const { tls, ...rest } = value;
  return defined({
    ...rest,
    name,
    domains: 'domains' in value ? value.domains : undefined,
    auth: 'auth' in value ? { file: at(value.auth.file) } : undefined,
    tls: tls && { cert: at(tls.cert), key: at(tls.key) },
    mixedVerdicts: 'mixedVerdicts' in value ? value.mixedVerdicts : 'bounce',
  });
}

function downstreamOf(name: string, { value, at }: Named<'downstreams'>): DownstreamConfig {
  if (value.protocol === 'maildir') return { name, protocol: 'maildir', path: at(value.path) };
  const { protocol, host, port, socket, ca, timeouts, maxConnections, idleSeconds, ...rest } = value;
  return defined({
    name,
    protocol,
    endpoint: endpointOf({ socket, host, port }, at),
    tls: rest.tls ?? (socket === undefined ? 'opportunistic' : 'none'),
    ca: ca === undefined ? undefined : at(ca),
    maxConnections,
    idleSeconds,
    folder: rest.folder,
    recipientDelimiter: rest.recipientDelimiter,
    timeouts: {
      connectMs: timeouts.connect,
      commandMs: timeouts.command,
      dataMs: timeouts.data,
      finalReplyMs: timeouts.finalReply,
    },
  });
}

/** That there is either a socket or a host and a port is checked by `references.ts`. */
function endpointOf(
  {
    socket,
    host,
    port,
  }: { socket?: string | undefined; host?: string | undefined; port?: number | undefined },
  at: ToPath,
): Scanner['endpoint'] {
  return socket === undefined ? { host: host!, port: port! } : { path: at(socket) };
}

function directoryOf(name: string, { value, at }: Named<'directories'>): Directory {
  const common = { name, maxRows: value.maxRows, cacheMs: value.cache, timeoutMs: value.timeout };
  if (value.type === 'ldap') {
    const { type, url, startTls, base, scope, filter, attributes, ca, bind } = value;
    return defined({
      ...common,
      type,
      url,
      startTls,
      base,
      scope,
      filter,
      attributes,
      ca: ca === undefined ? undefined : at(ca),
      bind: bind && { dn: bind.dn, passwordFile: at(bind.passwordFile) },
    });
  }
  const { key, columns } = value;
  const file = { file: at(value.file), key, columns };
  if (value.type === 'csv') return defined({ ...common, type: value.type, ...file });
  return defined({ ...common, type: value.type, table: value.table, ...file });
}

function scannerOf(name: string, { value, at }: Named<'scanners'>): Scanner {
  return {
    name,
    endpoint: endpointOf(value, at),
    timeoutMs: value.timeout,
    maxBytes: value.maxBytes,
  };
}

function incidentsOf({ syslog, file, webhook }: CheckedConfig['incidents'], at: ToPath): IncidentsConfig {
  return defined({
    syslog: syslog && syslogOf(syslog, at),
    file: file && { path: at(file.path) },
    webhook:
      webhook &&
      defined({
        url: webhook.url,
        secret: webhook.secret === undefined ? undefined : at(webhook.secret),
        timeoutMs: webhook.timeout,
      }),
  });
}

function syslogOf(
  syslog: NonNullable<CheckedConfig['incidents']['syslog']>,
  at: ToPath,
): NonNullable<IncidentsConfig['syslog']> {
  if (syslog.protocol === 'unix') return { protocol: 'unix', path: at(syslog.path) };
  if (syslog.protocol !== 'tls') return syslog;
  const { ca, ...rest } = syslog;
  return { ...rest, ...(ca !== undefined && { ca: at(ca) }) };
}

function serviceOf(name: string, { value, at }: Named<'services'>): ServiceConfig {
  const { plugin, onFailure } = value;
  return {
    ...value,
    name,
    plugin: plugin.endsWith('.wasm') ? at(plugin) : plugin,
    onFailure: typeof onFailure === 'string' ? everyKind(onFailure) : onFailure,
    limits: defined(value.limits),
    grants: grantsOf(value.grants, at),
  };
}

export function grantsOf({ blob, dns, http, ...others }: CheckedGrants, at: ToPath): Grants {
  return defined({
    ...others,
    blob: blob && blobOf(blob),
    dns: dns && timed(dns),
    http: http && httpOf(http, at),
  });
}

type CheckedGrants = CheckedConfig['services'][string]['grants'];

/** Durations are milliseconds, and their name says so. */
function timed<T extends { timeout: number }>({ timeout, ...rest }: T) {
  return defined({ ...rest, timeoutMs: timeout });
}

const blobOf = ({ expires, ...rest }: NonNullable<CheckedGrants['blob']>): BlobGrant =>
  defined({ ...rest, longestMs: expires });

function httpOf({ secrets, ...rest }: NonNullable<CheckedGrants['http']>, at: ToPath): HttpGrant {
  return { ...timed(rest), secrets: secrets.map(({ header, file }) => ({ header, file: at(file) })) };
}

function keyOf(name: string, { value, at }: Named<'keys'>): HeldKey {
  switch (value.type) {
    case 'dkim':
      return { ...value, name, file: at(value.file) };
    case 'smime': {
      const certificate = at(value.certificate);
      return { ...value, name, file: at(value.file), certificate, addresses: addressesOf(value) };
    }
    case 'openpgp':
      return { ...value, name, file: at(value.file), addresses: addressesOf(value) };
    case 'openpgp-partners':
      return { ...value, name, directory: at(value.directory) };
    case 'smime-partners':
      return defined({
        ...value,
        name,
        authorities: at(value.authorities),
        revocations: value.revocations === undefined ? undefined : at(value.revocations),
        directory: at(value.directory),
      });
  }
}

const addressesOf = ({ addresses }: { addresses: readonly string[] }): string[] =>
  addresses.map((one) => (one.includes('@') ? normalAddress(one) : one));

const everyKind = (policy: FailurePolicy): Record<FailureKind, FailurePolicy> => ({
  load: policy,
  trap: policy,
  deadline: policy,
  capability: policy,
});

function groupOf(name: string, entries: CheckedConfig['groups'][string]): ServiceGroup {
  return {
    name,
    entries: entries.map((entry) => {
      if (typeof entry === 'string') return { service: entry };
      return entry.when === undefined
        ? { service: entry.service }
        : { service: entry.service, when: ruleOf(entry.when) };
    }),
  };
}

type CheckedRule = NonNullable<Exclude<CheckedConfig['groups'][string][number], string>['when']>;

function ruleOf(when: CheckedRule | CheckedConfig['opes']['bypass'][number]): WhenRule {
  const normal = (list: readonly string[] | undefined) => list?.map(normalAddress);
  const recipient = 'recipient' in when ? normal(when.recipient) : undefined;
  return defined({ ...when, recipient, sender: normal(when.sender) });
}

export type Defined<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** The same without the keys whose value is undefined. */
export function defined<T extends object>(value: T): Defined<T> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what fromEntries forgets, the filter has kept
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Defined<T>;
}
