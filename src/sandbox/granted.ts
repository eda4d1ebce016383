/**
 * Settings that name what a grant has. A schema of settings says so by the keyword `granted` (`docs/plugin-packages.md`), so that a name that
 * leads nowhere shows when the config is checked, not when mail is there: a text, or each text of a list, must be one of the names, a number not more
 * than the bound, and what needs a capability that is not granted must be empty.
 */
export const GRANTED_WORDS = [
  'key.dkim',
  'directory',
  'directory.column',
  'blob.days',
  'http.target',
  'dns',
  'dns.zone',
  'kv',
] as const;

export type GrantedWord = (typeof GRANTED_WORDS)[number];

/** What each word stands for, of one service. Absent: that can't be known, and nothing is checked. */
export type Granted = Readonly<Partial<Record<GrantedWord, readonly string[] | number | boolean>>>;

const KINDS: Readonly<Record<GrantedWord, string>> = {
  'key.dkim': 'DKIM key',
  directory: 'directory',
  'directory.column': 'column or attribute of a directory',
  'blob.days': 'day',
  'http.target': 'target',
  dns: 'capability dns',
  'dns.zone': 'zone in DNS',
  kv: 'capability kv',
};

/** What is wrong with a value, without showing it; undefined if nothing is. */
export function grantedFault(
  value: unknown,
  { word, granted }: { word: GrantedWord; granted: Granted },
): string | undefined {
  const known = granted[word];
  if (typeof known === 'number') {
    if (typeof value !== 'number' || value <= known) return undefined;
    return `must not be more than ${known}: the grant keeps nothing longer`;
  }
  if (typeof known === 'boolean') {
    return known || isEmpty(value) ? undefined : `needs the ${KINDS[word]}, which is not granted`;
  }
  const named: readonly unknown[] = Array.isArray(value) ? value : [value];
  const values = word === 'http.target' ? named.map(originOf) : named;
  const isKnown = (one: string): boolean =>
    word === 'dns.zone' ? known!.some((pattern) => isBelow(one, pattern)) : known!.includes(one);
  if (known === undefined || values.every((one) => typeof one !== 'string' || isKnown(one))) {
    return undefined;
  }
  const there =
    known.length === 0 ? 'none is' : `granted ${known.length === 1 ? 'is' : 'are'} ${known.join(', ')}`;
  return `names no ${KINDS[word]} that is granted; ${there}`;
}

/** All names below the zone are granted by a pattern such as `*.example.org`. */
const isBelow = (zone: string, pattern: string): boolean =>
  pattern.startsWith('*.') && `.${zone.toLowerCase()}`.endsWith(pattern.slice(1));

/** The setting is off. */
const isEmpty = (value: unknown): boolean =>
  value === false || value === '' || (Array.isArray(value) && value.length === 0);

/** As targets are granted: scheme, host and port. */
const originOf = (url: unknown): unknown =>
  typeof url === 'string' && URL.canParse(url) ? new URL(url).origin : url;
