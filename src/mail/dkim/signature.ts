import type { Canonicalization } from './canonical.ts';
import { isWithin } from './domain.ts';
import { base64Of, keyNameOf, listOf, parseTags, wholeOf, type Tags } from './tags.ts';

/** What a DKIM-Signature or an ARC-Message-Signature claims; it is not true for that. */
export interface Signature {
  /** The whole field, one character an octet. */
  readonly raw: string;
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
  readonly header: Canonicalization;
  readonly body: Canonicalization;
  /** Names of the signed fields, in order. */
  readonly names: readonly string[];
  readonly bodyHash: string;
  readonly signature: Buffer;
  /** `l=`: octets of the body that are signed; undefined: all. */
  readonly length: number | undefined;
  /** `i=`, or the domain. */
  readonly identityDomain: string;
  /** Seconds since the epoch. */
  readonly expires: number | undefined;
  /** Where the key is. */
  readonly keyName: string;
}

/** Why a field is no signature that can hold: `result` is that of RFC 8601 section 2.7.1. */
export interface NoSignature {
  readonly result: 'permerror' | 'policy' | 'fail';
  readonly reason: string;
  /** As far as they can be told. */
  readonly domain: string;
  readonly selector: string;
}

/** Reads what RFC 6376 section 6.1.1 asks for. `now` in seconds since the epoch. */
export function readSignature(
  raw: string,
  { kind, now }: { kind: 'dkim' | 'arc'; now: number },
): Signature | NoSignature {
  const tags = parseTags(raw.slice(raw.indexOf(':') + 1));
  if (tags === undefined)
    return { result: 'permerror', reason: 'its tags have no form', domain: '', selector: '' };
  const domain = (tags.get('d') ?? '').toLowerCase();
  const selector = tags.get('s') ?? '';
  const keyName = keyNameOf({ domain, selector });
  if (keyName === undefined) {
    return { result: 'permerror', reason: 'its domain or selector is no name', domain: '', selector: '' };
  }
  const no = (reason: string, result: NoSignature['result'] = 'permerror'): NoSignature => ({
    result,
    reason,
    domain,
    selector,
  });
  const algorithm = tags.get('a')?.toLowerCase();
  if (kind === 'dkim' && tags.get('v') !== '1') return no('its version is not 1');
  // RFC 8301 section 3.1.
  if (algorithm === 'rsa-sha1') return no('rsa-sha1 is not accepted', 'policy');
  if (algorithm !== 'rsa-sha256' && algorithm !== 'ed25519-sha256') return no('its algorithm is unknown');
  const signature = base64Of(tags.get('b'));
  const bodyHash = base64Of(tags.get('bh'));
  if (signature === undefined || bodyHash === undefined) return no('its b= or bh= is missing');
  const canonicalization = readCanonicalization(
    tags.get('c') ?? (kind === 'dkim' ? 'simple' : 'relaxed/relaxed'),
  );
  if (canonicalization === undefined) return no('its canonicalization is unknown');
  const names = listOf(tags.get('h') ?? '');
  if (kind === 'dkim' && !names.some((name) => name.toLowerCase() === 'from'))
    return no('From is not signed');
  if (kind === 'arc' && names.some((name) => /^arc-seal$/i.test(name))) return no('it signs ARC-Seal');
  if (names.length > 1000) return no('it signs more than 1000 fields');
  const query = tags.get('q');
  if (query !== undefined && !listOf(query).some((one) => /^dns(?:\/txt)?$/i.test(one)))
    return no('its key is not in the DNS');
  const identity = identityOf(tags, domain);
  if (identity === undefined) return no('its i= is not in its domain');
  const [time, expires, length] = ['t', 'x', 'l'].map((name) => wholeOf(tags.get(name)));
  if (['t', 'x', 'l'].some((name) => tags.has(name) && wholeOf(tags.get(name)) === undefined))
    return no('a number has no form');
  if (expires !== undefined && time !== undefined && expires <= time) return no('it ends before it begins');
  if (expires !== undefined && expires < now) return no('it has expired', 'fail');
  return {
    raw,
    domain,
    selector,
    algorithm,
    ...canonicalization,
    names,
    bodyHash: bodyHash.toString('base64'),
    signature,
    length,
    identityDomain: identity,
    expires,
    keyName,
  };
}

function readCanonicalization(
  text: string,
): { header: Canonicalization; body: Canonicalization } | undefined {
  const [header = '', body = 'simple', ...more] = text.toLowerCase().split('/');
  return isCanonicalization(header) && isCanonicalization(body) && more.length === 0
    ? { header, body }
    : undefined;
}

const isCanonicalization = (text: string): text is Canonicalization =>
  text === 'simple' || text === 'relaxed';

function identityOf(tags: Tags, domain: string): string | undefined {
  const identity = tags.get('i');
  // In ARC it is the instance.
  if (identity === undefined || !tags.has('v')) return domain;
  const at = identity.lastIndexOf('@');
  const of = identity.slice(at + 1).toLowerCase();
  return at >= 0 && isWithin(of, domain) ? of : undefined;
}
