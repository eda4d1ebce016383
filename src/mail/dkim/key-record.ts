import { createPublicKey, type KeyObject } from 'node:crypto';
import { base64Of, listOf, parseTags } from './tags.ts';

/** What the DNS said of a selector: its TXT records, each put together; an empty list if there are none. */
export type KeyAnswer = { readonly records: readonly string[] } | { readonly failed: string };

export interface PublicKey {
  readonly key: KeyObject;
  readonly type: 'rsa' | 'ed25519';
  /** The signer's identity must be in the very domain that signs, not below it (`t=s`). */
  readonly strict: boolean;
}

/** Why a signature has no key: `result` is that of RFC 8601 section 2.7.1. */
export interface NoKey {
  readonly result: 'temperror' | 'permerror' | 'policy';
  readonly reason: string;
}

/** RFC 8301 section 3.2: below this a signature is none. */
const LEAST_BITS = 1024;
/** The SubjectPublicKeyInfo of an Ed25519 key, but for the key (RFC 8410). */
const ED25519_PREFIX = Buffer.from('302a300506032b6570032100', 'hex');

/** The key of a selector (RFC 6376 section 3.6.1, RFC 8463 section 4). */
export function publicKeyOf(answer: KeyAnswer | undefined): PublicKey | NoKey {
  if (answer === undefined) return { result: 'temperror', reason: 'its key was not looked up' };
  if ('failed' in answer) return { result: 'temperror', reason: answer.failed };
  let fault: NoKey = { result: 'permerror', reason: 'there is no key' };
  for (const record of answer.records) {
    const key = readRecord(record);
    if ('key' in key) return key;
    fault = key;
  }
  return fault;
}

function readRecord(record: string): PublicKey | NoKey {
  const tags = parseTags(record);
  const permanent = (reason: string): NoKey => ({ result: 'permerror', reason });
  if (tags === undefined) return permanent('its key record has no form');
  if (tags.has('v') && (tags.get('v') !== 'DKIM1' || [...tags.keys()][0] !== 'v')) {
    return permanent('its key record has another version');
  }
  const type = tags.get('k') ?? 'rsa';
  if (type !== 'rsa' && type !== 'ed25519') return permanent('its key is of an unknown type');
  if (tags.has('h') && !listOf(tags.get('h')!).includes('sha256'))
    return permanent('its key is not for sha256');
  const services = tags.has('s') ? listOf(tags.get('s')!) : ['*'];
  if (!services.includes('*') && !services.includes('email')) return permanent('its key is not for mail');
  if (tags.get('p') === '') return permanent('its key is revoked');
  const octets = base64Of(tags.get('p'));
  if (octets === undefined) return permanent('its key record has no key');
  const strict = tags.has('t') && listOf(tags.get('t')!).includes('s');
  const key = readKey(type === 'ed25519' ? Buffer.concat([ED25519_PREFIX, octets]) : octets);
  if (key === undefined || key.asymmetricKeyType !== type) return permanent('its key can not be read');
  const bits = key.asymmetricKeyDetails?.modulusLength;
  if (type === 'rsa' && (bits === undefined || bits < LEAST_BITS)) {
    return { result: 'policy', reason: `its key has ${bits} bits, at least ${LEAST_BITS} are needed` };
  }
  return { key, type, strict };
}

/** SubjectPublicKeyInfo, or the bare RSAPublicKey that some publish. */
function readKey(der: Buffer): KeyObject | undefined {
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      return createPublicKey({ key: der, format: 'der', type });
    } catch {
      // The next form.
    }
  }
  return undefined;
}
