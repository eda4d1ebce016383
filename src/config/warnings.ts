import { isLoopback } from '../base/loopback.ts';
import type { Config } from './config.ts';
import type { Finding } from './issues.ts';
import { noticeRoute, wayOut } from './notice-route.ts';
import { valueAt } from './raw.ts';

/** Where notices are asked for that can't be sent to everyone. Only said where it stands in the file: `bounce` is the default. */
export function noticeFindings(config: Config, root: unknown): Finding[] {
  if (wayOut(config) !== undefined) return [];
  const message =
    'found "bounce", which acts as reject for senders outside our domains: nothing takes notices to them (see bounce.downstream)';
  return config.listeners
    .map(({ name }) => ['listeners', name, 'mixedVerdicts'])
    .filter((path) => valueAt(path, root) === 'bounce')
    .map((path) => ({ path, at: 'value', message }));
}

/** Services whose notices to the postmaster would go nowhere: by default it is an address at `hostname`, which is often in no `domains`. */
export function postmasterFindings(config: Config): Finding[] {
  const { postmaster } = config;
  if (noticeRoute(config, postmaster) !== undefined) return [];
  const message = `nothing takes notices to the postmaster, ${postmaster}; set postmaster to an address in the domains of a listener, or bounce.downstream`;
  return config.services
    .filter(({ enabled, grants }) => enabled && grants.notify?.to.includes('postmaster'))
    .map(({ name }) => ({ path: ['services', name, 'grants', 'notify'], at: 'value', message }));
}

/** Groups that go on without one of their services. */
export function disabledFindings(config: Config): Finding[] {
  return config.services
    .filter(({ enabled }) => !enabled)
    .flatMap(({ name }): Finding[] => {
      const groups = config.groups.filter(({ entries }) => entries.some(({ service }) => service === name));
      if (groups.length === 0) return [];
      const message = `found false: mail goes on without it in ${groups.map((group) => group.name).join(', ')}`;
      return [{ path: ['services', name, 'enabled'], at: 'value', message }];
    });
}

/** What is allowed and still looks like a mistake: things that nothing uses. */
export function unusedFindings(config: Config): Finding[] {
  const used = {
    groups: new Set(config.listeners.map(({ group }) => group)),
    services: new Set(config.groups.flatMap(({ entries }) => entries.map(({ service }) => service))),
    downstreams: new Set([...config.listeners.map(({ downstream }) => downstream), config.bounce.downstream]),
  };
  const unused = (section: keyof typeof used, by: string): Finding[] =>
    config[section]
      .filter(({ name }) => !used[section].has(name))
      .map(({ name }) => ({ path: [section, name], at: 'key', message: `is used by no ${by}` }));
  return [
    ...unused('groups', 'listener'),
    ...unused('services', 'group'),
    // A service that may modify can send mail to any downstream (`nextHop`).
    ...(config.services.some(({ allowModify }) => allowModify) ? [] : unused('downstreams', 'listener')),
  ];
}

/** Requesters that anyone can pass for: the sender's address is whatever the client writes. */
export function requesterFindings(config: Config): Finding[] {
  return config.opes.bypass.flatMap(({ client, authenticated }, at): Finding[] => {
    if (client !== undefined || authenticated !== undefined) return [];
    const message = 'names a sender alone, which anyone can write; add authenticated or client';
    return [{ path: ['opes', 'bypass', at], at: 'value', message }];
  });
}

/** Grants by which what one limit lets through is refused by another for ever. */
export function limitFindings({ services, scanners }: Config): Finding[] {
  return services.flatMap(({ name, grants: { blob, scan } }): Finding[] => {
    const findings: Finding[] = [];
    const found = (grant: string, message: string): void => {
      findings.push({ path: ['services', name, 'grants', grant], at: 'key', message });
    };
    if (blob !== undefined && blob.blobBytes > blob.bytes) {
      const { blobBytes, bytes } = blob;
      found('blob', `blobBytes, ${blobBytes}, is more than bytes, ${bytes}: the largest are never kept`);
    }
    const largest = scanners.find((scanner) => scanner.name === scan?.scanner)?.maxBytes ?? 0;
    if (scan !== undefined && largest > scan.bytesPerMinute) {
      const rule = `bytesPerMinute, ${scan.bytesPerMinute}, is less than maxBytes of the scanner, ${largest}`;
      found('scan', `${rule}: the largest are never scanned`);
    }
    return findings;
  });
}

/** Secrets that whoever is on the way to another machine can read. */
export function clearTextFindings(config: Config): Finding[] {
  const isClear = (url: string): boolean => /^(?:http|ldap):/.test(url) && !isLoopback(new URL(url).host);
  return [
    ...config.services.flatMap(({ name, grants: { http } }): Finding[] => {
      const clear = http?.targets.find(isClear);
      if (http === undefined || http.secrets.length === 0 || clear === undefined) return [];
      const message = `found ${clear}, to which the secrets go in clear; use https`;
      return [{ path: ['services', name, 'grants', 'http', 'targets'], at: 'value', message }];
    }),
    ...config.directories.flatMap((directory): Finding[] => {
      const { name } = directory;
      if (directory.type !== 'ldap' || directory.bind === undefined || directory.startTls) return [];
      if (!isClear(directory.url)) return [];
      const message = `found ${directory.url}, to which the password goes in clear; use ldaps, or startTls`;
      return [{ path: ['directories', name, 'url'], at: 'value', message }];
    }),
  ];
}
