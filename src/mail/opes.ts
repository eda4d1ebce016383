import type { HeaderIndex } from './header-index.ts';
import { composeField } from './header-edit.ts';
import { isProblem, type Splice } from './image.ts';

/**
 * OPES trace and bypass in mail: what RFC 4236 sections 4 and 5 define for HTTP, as RFC 4902 section 4 asks for it in SMTP,
 * to the rules of RFC 3897.
 *
 *     OPES-System = "OPES-System" ":" trace-entry
 *     OPES-Via    = "OPES-Via" ":" trace-entry *( "," trace-entry )
 *     trace-entry = opes-agent-id *( ";" parameter )
 *     OPES-Bypass = "OPES-Bypass" ":" ( "*" / opes-agent-id *( "," opes-agent-id ) )
 *
 * An opes-agent-id is an absolute URI. That of a service is its system's with `service=NAME` in the query.
 */
const SYSTEM = 'OPES-System';
const VIA = 'OPES-Via';
const BYPASS = 'OPES-Bypass';

/** The URI of a service. */
export const serviceUri = (system: string, service: string): string => `${servicePrefix(system)}${service}`;

const servicePrefix = (system: string): string => `${system}${system.includes('?') ? '&' : '?'}service=`;

/** The trace fields of a message that these services, at least one, have changed. `id` is the transaction's. */
export function composeTrace(trace: {
  readonly system: string;
  readonly id: string;
  readonly services: readonly string[];
}): Uint8Array {
  const { system, id, services } = trace;
  const entry = `${system}; id=${id}`;
  // RFC 4236 section 4: with both fields, the system's entry is in both.
  const via = [entry, ...services.map((service) => serviceUri(system, service))].join(', ');
  return Buffer.concat([field(SYSTEM, entry), field(VIA, via)]);
}

function field(name: string, value: string): Uint8Array {
  const composed = composeField({ name, value }, { smtputf8: false });
  if (isProblem(composed)) throw new Error(composed.problem);
  return composed;
}

/**
 * Splices that rename trace fields which name our system: what comes in can't be told from a forgery (RFC 3897 section 8.1), so only
 * what we write ourselves stands under our name. Nothing is lost: `X-Claimed-OPES-Via` and its value stay.
 */
export function disclaimTrace(header: HeaderIndex, system: string): Splice[] {
  const ours = normalUri(system);
  const claims = [SYSTEM, VIA]
    .flatMap((name) => header.named(name))
    .filter((index) => entriesOf(header.value(index)!).some((entry) => isOurs(entry, ours)));
  return claims
    .map((index) => header.fields[index]!)
    .sort((a, b) => a.start - b.start)
    .map(({ start }) => ({ offset: start, remove: 0, bytes: Buffer.from('X-Claimed-') }));
}

/**
 * The entries of a request to bypass services: URIs, or `*`. Undefined if the text is no such request. At most 100 entries.
 * Parameters, which someone may have copied from a trace, are left out.
 */
export function parseBypass(text: string): readonly string[] | undefined {
  const entries = entriesOf(text);
  return entries.length > 0 && entries.length <= 100 && entries.every(isEntry) ? entries : undefined;
}

const isEntry = (entry: string): boolean =>
  entry === '*' || /^[A-Za-z][A-Za-z0-9+.-]*:[!#-;=?-~]+$/.test(entry);

const entriesOf = (text: string): string[] =>
  text
    .split(',')
    .map((entry) => normalUri(entry.split(';', 1)[0]!.trim()))
    .filter((entry) => entry !== '');

/** Scheme and host in lower case: in another case they name the same (RFC 3986 section 6.2.2.1). */
const normalUri = (uri: string): string =>
  uri.replace(/^[a-z][a-z0-9+.-]*:(?:\/\/[^/?#]*)?/i, (start) => start.toLowerCase());

/** The text of a header's OPES-Bypass fields; undefined if there are none. */
export function bypassIn(header: HeaderIndex): string | undefined {
  const fields = header.named(BYPASS);
  return fields.length === 0 ? undefined : fields.map((index) => header.value(index)).join(', ');
}

/**
 * Whether a request is for this service of ours. A URI that names nothing of ours is taken for a wildcard (RFC 3897 section 4.3):
 * whoever has only another system's trace at hand may mean us.
 */
export function asksToBypass(
  request: readonly string[],
  { system, service }: { readonly system: string; readonly service: string },
): boolean {
  const ours = normalUri(system);
  return request.some(
    (entry) => entry === ours || entry === serviceUri(ours, service) || !isOurs(entry, ours),
  );
}

const isOurs = (entry: string, ours: string): boolean =>
  entry === ours || entry.startsWith(servicePrefix(ours));
