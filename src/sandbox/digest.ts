import { createHash } from 'node:crypto';

/** `sha256:` and 64 hexadecimal digits: what a package's octets are known by. */
export const DIGEST_FORM = /^sha256:[0-9a-f]{64}$/;

export const digestOf = (octets: Uint8Array): string =>
  `sha256:${createHash('sha256').update(octets).digest('hex')}`;
