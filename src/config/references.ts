import { isIP } from 'node:net';
import { sameAddress } from '../mail/address.ts';
import type { Finding } from './issues.ts';
import type { KeyPath } from './problem.ts';
import { entriesOf, isRecord, valueAt, type RawEntry } from './raw.ts';
import { quote } from './problem.ts';
import { suggest } from './suggest.ts';

/**
 * What must hold between the keys of the file: names that exist, keys that need or exclude each other. It works on the
 * raw values and passes over what has the wrong type, so that the operator sees these findings together with the
 * schema's and not only after those are mended.
 */
export function referenceFindings(root: unknown): Finding[] {
  return [
    ...entriesOf(root, 'listeners').flatMap((entry) => listenerFindings(entry, root)),
    ...entriesOf(root, 'downstreams').flatMap(downstreamFindings),
    ...entriesOf(root, 'scanners').flatMap(endpointFindings),
    ...entriesOf(root, 'blobStores').flatMap(blobStoreFindings),
    ...entriesOf(root, 'services').flatMap(({ path, value }) => [
      ...nextHopFindings({ path: [...path, 'settings'], value: value['settings'] }, root),
      ...dangling([...path, 'grants', 'scan', 'scanner'], { section: 'scanners', root }),
    ]),
    ...entriesOf(root, 'services').flatMap((entry) => [
      ...listFindings(entry, { at: ['grants', 'key', 'keys'], section: 'keys', root }),
      ...listFindings(entry, { at: ['grants', 'directory', 'tables'], section: 'directories', root }),
      ...blobFindings(entry, root),
    ]),
    ...groupFindings(root),
    ...dangling(['bounce', 'downstream'], { section: 'downstreams', root }),
    ...noticeFindings(root),
  ];
}

/** Notices to the postmaster would never be sent. */
function noticeFindings(root: unknown): Finding[] {
  const from = valueAt(['notices', 'from'], root);
  const postmaster = valueAt(['postmaster'], root) ?? `postmaster@${String(valueAt(['hostname'], root))}`;
  if (typeof from !== 'string' || typeof postmaster !== 'string' || !sameAddress(from, postmaster)) return [];
  const message = `found ${quote(from)}, must be another address than that of the postmaster`;
  return [{ path: ['notices', 'from'], at: 'value', message }];
}

function listenerFindings({ path, value }: RawEntry, root: unknown): Finding[] {
  const findings = [
    ...dangling([...path, 'downstream'], { section: 'downstreams', root }),
    ...dangling([...path, 'group'], { section: 'groups', root }),
  ];
  if (value['protocol'] !== 'lmtp') return findings;
  if (value['port'] === 25) {
    const message = 'found 25, must be another port: LMTP is forbidden there (RFC 2033 section 5)';
    findings.push({ path: [...path, 'port'], at: 'value', message });
  }
  const downstream = value['downstream'];
  const towards =
    typeof downstream === 'string' ? valueAt(['downstreams', downstream, 'protocol'], root) : undefined;
  if (value['domains'] === undefined && towards === 'smtp') {
    const message = `missing, must be a list of domain names: towards an smtp downstream it would relay for anyone`;
    findings.push({ path: [...path, 'domains'], at: 'value', message });
  }
  return findings;
}

function downstreamFindings({ path, value }: RawEntry): Finding[] {
  if (value['protocol'] !== 'smtp' && value['protocol'] !== 'lmtp') return [];
  const findings = endpointFindings({ path, value });
  if (value['ca'] !== undefined && value['tls'] !== 'required') {
    const message = 'has no effect, must be given with tls: required only; nothing else checks certificates';
    findings.push({ path: [...path, 'ca'], at: 'key', message });
  }
  if (value['recipientDelimiter'] !== undefined && value['folder'] !== 'detail') {
    const message = 'has no effect, must be given with folder: detail only';
    findings.push({ path: [...path, 'recipientDelimiter'], at: 'key', message });
  }
  return findings;
}

/** Either a socket, or a host and a port. */
function endpointFindings({ path, value }: Pick<RawEntry, 'path' | 'value'>): Finding[] {
  const has = (key: string): boolean => value[key] !== undefined;
  const findings: Finding[] = [];
  const add = (key: string, message: string): void => {
    findings.push({ path: [...path, key], at: 'key', message });
  };
  if (has('socket')) {
    for (const key of ['host', 'port'].filter(has)) add(key, 'must not be given together with socket');
  } else {
    if (!has('host')) add('host', 'missing, must be a host name or an IP address (or socket: a path)');
    if (!has('port')) add('port', 'missing, must be an integer from 1 to 65535');
  }
  return findings;
}

// `nextHop` is the word of decisions (sdk/ABI.md), so a setting of that name is a downstream too. The value itself is not
// shown: nothing under `settings` is.
function nextHopFindings({ path, value }: { path: KeyPath; value: unknown }, root: unknown): Finding[] {
  if (Array.isArray(value))
    return value.flatMap((item, i) => nextHopFindings({ path: [...path, i], value: item }, root));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => {
    const here = [...path, key];
    if (key !== 'nextHop' || typeof item !== 'string')
      return nextHopFindings({ path: here, value: item }, root);
    const known = namesOf('downstreams', root);
    return known.includes(item)
      ? []
      : [
          {
            path: here,
            at: 'value',
            message: `names no downstream, ${suggest(item, known)}`,
          } satisfies Finding,
        ];
  });
}

function listFindings(
  { path, value }: RawEntry,
  { at, section, root }: { at: readonly string[]; section: keyof typeof SINGULAR; root: unknown },
): Finding[] {
  const names = valueAt(at, value);
  if (!Array.isArray(names)) return [];
  return names.flatMap((_, i) => dangling([...path, ...at, i], { section, root }));
}

/** An address has no names below it. */
function blobStoreFindings({ path, value }: RawEntry): Finding[] {
  const { endpoint, pathStyle } = value;
  if (pathStyle !== false || typeof endpoint !== 'string' || !URL.canParse(endpoint)) return [];
  const host = new URL(endpoint).hostname.replaceAll(/[[\]]/g, '');
  if (isIP(host) === 0) return [];
  const message = 'found false, must be true: the endpoint is an address, which has no name for the bucket';
  return [{ path: [...path, 'pathStyle'], at: 'value', message }];
}

function blobFindings({ path, value }: RawEntry, root: unknown): Finding[] {
  const grant = valueAt(['grants', 'blob'], value);
  if (valueAt(['store'], grant) !== undefined)
    return dangling([...path, 'grants', 'blob', 'store'], { section: 'blobStores', root });
  if (grant === undefined || valueAt(['web'], root) !== undefined) return [];
  const message =
    'has no effect, must be given together with web (or with a store in it): nothing serves the files';
  return [{ path: [...path, 'grants', 'blob'], at: 'key', message }];
}

function groupFindings(root: unknown): Finding[] {
  const groups = valueAt(['groups'], root);
  if (!isRecord(groups)) return [];
  return Object.entries(groups).flatMap(([group, entries]) => {
    if (!Array.isArray(entries)) return [];
    const seen = new Set<string>();
    return entries.flatMap((entry: unknown, i): Finding[] => {
      const path = ['groups', group, i, ...(isRecord(entry) ? ['service'] : [])];
      const service = valueAt(path, root);
      if (typeof service !== 'string') return [];
      if (!seen.has(service)) {
        seen.add(service);
        return dangling(path, { section: 'services', root });
      }
      // What a service remembers is kept under its name, so one name can't be at two places of a group.
      const message = `found ${quote(service)} a second time, must be another service (two may have one plugin)`;
      return [{ path, at: 'value', message }];
    });
  });
}

const SINGULAR = {
  downstreams: 'downstream',
  groups: 'group',
  scanners: 'scanner',
  blobStores: 'store',
  directories: 'directory',
  services: 'service',
  keys: 'key',
};

function dangling(
  path: KeyPath,
  { section, root }: { section: keyof typeof SINGULAR; root: unknown },
): Finding[] {
  const found = valueAt(path, root);
  const known = namesOf(section, root);
  if (typeof found !== 'string' || known.includes(found)) return [];
  const message = `found ${quote(found)}, which names no ${SINGULAR[section]}; ${suggest(found, known)}`;
  return [{ path, at: 'value', message }];
}

function namesOf(section: string, root: unknown): string[] {
  const names = valueAt([section], root);
  return isRecord(names) ? Object.keys(names) : [];
}
