import { createHash, verify as verifyOctets } from 'node:crypto';
import type { SyncByteSource } from '../../base/spool.ts';
import type { HeaderIndex } from '../header-index.ts';
import {
  BodyHash,
  canonicalField,
  canonicalSignature,
  hashBody,
  type Canonicalization,
} from './canonical.ts';
import { publicKeyOf, type KeyAnswer, type PublicKey } from './key-record.ts';
import { readSignature, type NoSignature, type Signature } from './signature.ts';
import { rawField, signedFields } from './signed-fields.ts';

/**
 * Verifies DKIM-Signatures (RFC 6376 section 6, RFC 8463). Reads the body once for all of them. Keys are looked up before: `keys` has
 * what the DNS said of each `keyName`.
 *
 * A signature that leaves octets of the body unsigned (`l=`) is `policy`, whether or not it fits the others: whoever handled the message
 * could have added them. So the body is hashed once for each canonicalization, and not once for each length that a stranger thinks of.
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
      'result' in signature
        ? signature
        : judge(signature, { header, keys, body: bodies.get(signature.body)! });
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
): Map<Canonicalization, HashedBody> {
  const wanted = new Set(signatures.flatMap((signature) => ('result' in signature ? [] : signature.body)));
  const hashes = [...wanted].map((how) => ({ how, body: new BodyHash(how) }));
  if (hashes.length > 0) hashBody(message, { start, hashes: hashes.map(({ body }) => body) });
  return new Map(hashes.map(({ how, body }) => [how, { hash: body.digest(), length: body.length }]));
}

function judge(
  signature: Signature,
  { header, keys, body }: { header: HeaderIndex; keys: KeyAnswers; body: HashedBody },
): { result: DkimVerdict['result']; reason?: string } {
  const { length } = signature;
  if (length !== undefined && length > body.length) {
    return { result: 'permerror', reason: 'it signs more of the body than there is' };
  }
  if (length !== undefined && length < body.length) {
    return { result: 'policy', reason: `${body.length - length} octets of the body are not signed` };
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
  return { result: 'pass' };
}

/** Ed25519 signs the hash (RFC 8463 section 3). */
export function holds(octets: Buffer, { key, signature }: { key: PublicKey; signature: Buffer }): boolean {
  return key.type === 'rsa'
    ? verifyOctets('sha256', octets, key.key, signature)
    : verifyOctets(null, createHash('sha256').update(octets).digest(), key.key, signature);
}
