import { z } from 'zod';
import { VENDOR_FORM } from '../ocp/package-name.ts';
import { integer } from './scalars.ts';
import { map } from './schema-maps.ts';

const VENDOR_RULE = 'must be a vendor: a-z, 0-9 and "-", as in the first half of a package\'s id';
const vendor = z.string(VENDOR_RULE).regex(VENDOR_FORM, VENDOR_RULE);

const KEY_RULE = 'must be a public key of minisign: the line of 56 characters that begins with RW';
// Base64 of "Ed" and 40 more octets: whatever has this form is a key that can be read.
const publicKey = z.string(KEY_RULE).regex(/^RW[QRST][A-Za-z0-9+/]{53}$/, KEY_RULE);

const DIGEST_RULE = 'must be the digest of a package: sha256: and 64 of 0-9 and a-f';
const digest = z.string(DIGEST_RULE).regex(/^sha256:[0-9a-f]{64}$/, DIGEST_RULE);

const vendorTrust = map({
  keys: z.array(publicKey, 'must be a list of public keys').min(1, 'must have at least one public key'),
  threshold: integer(1, 16).default(1),
}).refine(({ keys, threshold }) => keys.length === 0 || !(threshold > new Set(keys).size), {
  path: ['threshold'],
  error: 'must not be more than there are keys',
});

/** Which packages may be installed. */
export const plugins = map({
  trust: z.record(vendor, vendorTrust, 'must be a map from a vendor to its keys').default({}),
  revoked: map({
    keys: z.array(publicKey, 'must be a list of public keys').default([]),
    packages: z.array(digest, 'must be a list of digests').default([]),
  }).prefault({}),
  allowUnsigned: z.boolean('must be true or false').default(false),
});
