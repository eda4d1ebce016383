import { createPrivateKey, type KeyObject } from 'node:crypto';

/** What a key can sign by: RFC 6376 with RFC 8301, and RFC 8463. */
export type DkimAlgorithm = 'rsa-sha256' | 'ed25519-sha256';

export interface DkimSigningKey {
  readonly key: KeyObject;
  readonly algorithm: DkimAlgorithm;
}

/** Below this verifiers need not take a signature (RFC 8301 section 3.2), and signers should not make one. */
const LEAST_BITS = 2048;

/** The key in PEM (PKCS #1 or #8, not encrypted), or why it can't sign. The reason has nothing of the key in it. */
export function readDkimKey(pem: string): DkimSigningKey | { readonly fault: string } {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return { fault: 'must be a private key in PEM, not encrypted' };
  }
  if (key.asymmetricKeyType === 'ed25519') return { key, algorithm: 'ed25519-sha256' };
  if (key.asymmetricKeyType !== 'rsa') {
    return { fault: `must be an RSA or an Ed25519 key, it is one of type ${key.asymmetricKeyType}` };
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits >= LEAST_BITS) return { key, algorithm: 'rsa-sha256' };
  return { fault: `must be an RSA key of at least ${LEAST_BITS} bits, it has ${bits}` };
}
