import { createHash, verify as verifyOctets } from 'node:crypto';
import type { SyncByteSource } from '../../base/spool.ts';
import type { HeaderIndex } from '../header-index.ts';
import { BodyHash, canonicalField, canonicalSignature, hashBody } from './canonical.ts';
import { publicKeyOf, type KeyAnswer, type PublicKey } from './key-record.ts';
import { readSignature, type NoSignature, type Signature } from './signature.ts';
import { rawField, signedFields } from './signed-fields.ts';

/**
 * Verifies DKIM-Signatures (RFC 6376 section 6, RFC 8463). Reads the body once for all of them. Keys are looked up before: `keys` has
 * what the DNS said of each `keyName`.
 *
 * A signature that leaves octets of the body unsigned (`l=`) is `policy`: whoever handled the message could have added them.
 */
export interface DkimVerdict {
  readonly result: 'pass' | 'fail' | 'policy' | 'temperror' | 'permerror';
  /** In words; absent for `pass`. */
  readonly reason?: string;
  /** Empty if it could not be told. */
  readonly domain: string;
  readonly selector: string;
}

export type KeyAnswers = Readonly<Record<string, KeyAnswer>>;

/** More are not looked at: each costs a look-up and a verification, and one that holds is enough. */
export const SIGNATURES = 10;

/** The signatures of a message, top to bottom, as they claim to be. */
export function dkimSignatures(header: HeaderIndex, now: number): (Signature | NoSignature)[] {
  return header
    .named('dkim-signature')
    .slice(0, SIGNATURES)
    .map((index) => readSignature(rawField(header, index), { kind: 'dkim', now }));
}

/** What becomes of each, in the same order. */
export function verifySignatures(
  message: SyncByteSource,
  options: { header: HeaderIndex; signatures: readonly (Signature | NoSignature)[]; keys: KeyAnswers },
): DkimVerdict[] {
  const { header, signatures, keys } = options;
  const bodies = hashBodies(message, { start: header.bodyStart, signatures });
  return signatures.map((signature) => {
    const { domain, selector } = signature;
    const verdict =
      'result' in signature ? signature : judge(signature, { header, keys, body: bodies.get(signature)! });
    return { result: verdict.result, ...(verdict.reason && { reason: verdict.reason }), domain, selector };
  });
}

interface HashedBody {
  readonly hash: string;
  /** Octets of the canonical body. */
  readonly length: number;
}

function hashBodies(
  message: SyncByteSource,
  { start, signatures }: { start: number; signatures: readonly (Signature | NoSignature)[] },
): Map<Signature, HashedBody> {
  const hashes = new Map<string, BodyHash>();
  const users = signatures.flatMap((signature) => {
    if ('result' in signature) return [];
    const key = `${signature.body} ${signature.length}`;
    const hash = hashes.get(key) ?? new BodyHash(signature.body, signature.length);
    hashes.set(key, hash);
    return [{ signature, hash }];
  });
  if (hashes.size > 0) hashBody(message, { start, hashes: [...hashes.values()] });
  const digests = new Map([...hashes.values()].map((hash) => [hash, hash.digest()]));
  return new Map(
    users.map(({ signature, hash }) => [signature, { hash: digests.get(hash)!, length: hash.length }]),
  );
}

function judge(
  signature: Signature,
  { header, keys, body }: { header: HeaderIndex; keys: KeyAnswers; body: HashedBody },
): { result: DkimVerdict['result']; reason?: string } {
  const { length } = signature;
  if (length !== undefined && length > body.length) {
    return { result: 'permerror', reason: 'it signs more of the body than there is' };
  }
  if (body.hash !== signature.bodyHash) return { result: 'fail', reason: 'the body was changed' };
  const key = publicKeyOf(keys[signature.keyName]);
  if ('result' in key) return key;
  if (!signature.algorithm.startsWith(key.type))
    return { result: 'permerror', reason: 'its key is of another type' };
  if (key.strict && signature.identityDomain !== signature.domain) {
    return { result: 'permerror', reason: 'its i= is below its domain, which the key does not allow' };
  }
  const fields = signedFields(header, signature.names).map((raw) => canonicalField(raw, signature.header));
  const octets = Buffer.from(fields.join('') + canonicalSignature(signature.raw, signature.header), 'latin1');
  if (!holds(octets, { key, signature: signature.signature })) {
    return { result: 'fail', reason: 'the signature does not fit the header' };
  }
  const unsigned = length === undefined ? 0 : body.length - length;
  return unsigned === 0
    ? { result: 'pass' }
    : { result: 'policy', reason: `${unsigned} octets of the body are not signed` };
}

/** Ed25519 signs the hash (RFC 8463 section 3). */
export function holds(octets: Buffer, { key, signature }: { key: PublicKey; signature: Buffer }): boolean {
  return key.type === 'rsa'
    ? verifyOctets('sha256', octets, key.key, signature)
    : verifyOctets(null, createHash('sha256').update(octets).digest(), key.key, signature);
}
