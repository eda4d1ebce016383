import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { createSecureContext, type SecureContext } from 'node:tls';
import { generate } from 'selfsigned';
import { OperationalError } from '../base/errors.ts';

/** A private key and a certificate (with its chain, leaf first), both PEM. */
export interface TlsIdentity {
  readonly key: string;
  readonly cert: string;
}

/**
 * What a listener needs to speak TLS 1.2 and up (RFC 8996 forbids what came before).
 * Throws an OperationalError `tls_invalid` if the PEM can't be read or key and certificate don't belong together.
 */
export function secureContext(identity: TlsIdentity): SecureContext {
  try {
    // An empty text would be taken for "none" below, and found out by the first client.
    createPrivateKey(identity.key);
    void new X509Certificate(identity.cert);
    return createSecureContext({ key: identity.key, cert: identity.cert, minVersion: 'TLSv1.2' });
  } catch (error) {
    throw new OperationalError('tls_invalid', 'Cannot use the TLS key and certificate', { cause: error });
  }
}

const TEN_YEARS_MS = 10 * 365 * 24 * 3600 * 1000;

/**
 * Makes a certificate for `hostname` (a name or an IP address) signed by its own key, valid for ten years. Good enough for
 * opportunistic TLS between servers, which does not check names; a client that does check refuses it.
 */
export async function selfSigned(hostname: string): Promise<TlsIdentity> {
  const now = Date.now();
  const made = await generate([{ name: 'commonName', value: hostname }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(now),
    notAfterDate: new Date(now + TEN_YEARS_MS),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      { name: 'extKeyUsage', serverAuth: true },
      {
        name: 'subjectAltName',
        altNames: [isIP(hostname) === 0 ? { type: 2, value: hostname } : { type: 7, ip: hostname }],
      },
    ],
  });
  return { key: made.private, cert: made.cert };
}
