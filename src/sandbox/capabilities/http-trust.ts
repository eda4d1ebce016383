import { existsSync, readFileSync } from 'node:fs';
import { createSecureContext, type SecureContext } from 'node:tls';

/** Where systems keep the certificates that they trust: Debian, Red Hat, Alpine and the BSDs. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/cert.pem',
];

/**
 * What servers are verified by: the certificates in the file that the environment variable SSL_CERT_FILE names, else those of the
 * system, so that what its administrator trusts is trusted here; else those that come with Node. Throws if that file can't be used.
 */
export function systemTrust(): SecureContext {
  const file = process.env['SSL_CERT_FILE'] ?? BUNDLES.find((path) => existsSync(path));
  return createSecureContext(file === undefined ? {} : { ca: readFileSync(file) });
}
