import { readFileSync } from 'node:fs';
import type { Config, ServiceConfig } from '../config/config.ts';
import type { Directory } from '../ocp/capability.ts';
import { parseCsv } from '../sandbox/capabilities/csv.ts';
import type { Granted } from '../sandbox/granted.ts';

const DAY_MS = 86_400_000;
/** A store that speaks S3 keeps nothing longer. */
const REMOTE_DAYS = 7;

/** What settings of a service can name of what it is granted. */
export function grantedOf(
  { grants }: Pick<ServiceConfig, 'grants'>,
  { keys, directories }: Pick<Config, 'keys' | 'directories'>,
): Granted {
  const { key, directory, blob, http, dns, kv } = grants;
  const tables = directories.filter(({ name }) => directory?.tables.includes(name));
  const columns = tables.map(columnsOf);
  const days = blob && Math.floor(blob.longestMs / DAY_MS);
  return {
    'key.dkim': keys
      .filter(({ name, type }) => type === 'dkim' && key?.keys.includes(name))
      .map(({ name }) => name),
    directory: tables.map(({ name }) => name),
    'http.target': http?.targets ?? [],
    dns: dns !== undefined,
    ...(dns?.names && { 'dns.zone': dns.names }),
    kv: kv !== undefined,
    ...(columns.every((known) => known !== undefined) && { 'directory.column': columns.flat() }),
    ...(days !== undefined && {
      'blob.days': blob?.store === undefined ? days : Math.min(days, REMOTE_DAYS),
    }),
  };
}

/** Those that filters are told; undefined if only the database knows, or the file can't be read. */
function columnsOf(directory: Directory): readonly string[] | undefined {
  if (directory.type === 'ldap') return directory.attributes;
  if (directory.columns !== undefined) return directory.columns;
  if (directory.type === 'sqlite') return undefined;
  try {
    return parseCsv(readFileSync(directory.file, 'utf8'))[0] ?? [];
  } catch {
    // That it is not there is a warning of its own, and that it can't be understood an outage.
    return undefined;
  }
}
