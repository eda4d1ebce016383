import {
  createHash,
  createPublicKey,
  sign as signOctets,
  verify as verifyOctets,
  type KeyObject,
} from 'node:crypto';
import { OperationalError } from '../base/errors.ts';
import type { SecretKey } from './minisign-secret.ts';

/**
 * Signatures in the format of minisign (jedisct1.github.io/minisign): Ed25519 over the BLAKE2b-512 hash of the file (`ED`) or, as
 * older versions wrote them, over the file itself (`Ed`). A second signature covers the first and the trusted comment.
 * What can't be read is an OperationalError of code `minisign`.
 */
export interface PublicKey {
  /** Eight octets, in hexadecimal as minisign prints them. A name, no proof: anyone can make a key with the same. */
  readonly id: string;
  readonly octets: Uint8Array;
}

export interface Signature {
  readonly keyId: string;
  readonly isPrehashed: boolean;
  readonly octets: Uint8Array;
  readonly trustedComment: string;
  /** Over `octets` and the trusted comment. */
  readonly globalOctets: Uint8Array;
}

/** What minisign itself takes. */
export const TRUSTED_COMMENT_LIMIT = 8192;

const LEGACY = 'Ed';
const PREHASHED = 'ED';

/** Reads a public key: the line `RW…`, or the two lines of its file. */
export function parsePublicKey(text: string): PublicKey {
  const lines = linesOf(text);
  const [line, ...more] = lines[0]?.startsWith(UNTRUSTED) === true ? lines.slice(1) : lines;
  if (line === undefined || more.length > 0) {
    throw unreadable('a public key', 'it is not one line "RW…", with or without a comment above it');
  }
  const octets = decode(line, { what: 'a public key', length: 42 });
  if (octets.toString('latin1', 0, 2) !== LEGACY)
    throw unreadable('a public key', 'it is not of the kind Ed25519');
  return { id: keyIdOf(octets.subarray(2, 10)), octets: octets.subarray(10) };
}

/** The line `RW…` of a public key. */
export const encodePublicKey = (key: PublicKey): string =>
  Buffer.concat([Buffer.from(LEGACY), keyIdOctets(key.id), key.octets]).toString('base64');

/** The file of a public key. */
export const formatPublicKey = (key: PublicKey): string =>
  `${UNTRUSTED}minisign public key ${displayId(key.id)}\n${encodePublicKey(key)}\n`;

/** Reads the four lines of a `.minisig` file. */
export function parseSignature(text: string): Signature {
  const lines = linesOf(text);
  const [untrusted, first, trusted, second] = lines;
  if (lines.length !== 4 || !untrusted!.startsWith(UNTRUSTED) || !trusted!.startsWith(TRUSTED)) {
    throw unreadable('a signature', 'it has not the four lines that minisign writes');
  }
  const octets = decode(first!, { what: 'a signature', length: 74 });
  const algorithm = octets.toString('latin1', 0, 2);
  if (algorithm !== LEGACY && algorithm !== PREHASHED) {
    throw unreadable('a signature', 'it is not of the kind Ed25519');
  }
  const trustedComment = trusted!.slice(TRUSTED.length);
  checkComment(trustedComment);
  return {
    keyId: keyIdOf(octets.subarray(2, 10)),
    isPrehashed: algorithm === PREHASHED,
    octets: octets.subarray(10),
    trustedComment,
    globalOctets: decode(second!, { what: 'a signature', length: 64 }),
  };
}

/** The file of a signature. */
export function formatSignature(signature: Signature): string {
  const { isPrehashed, keyId, octets, trustedComment, globalOctets } = signature;
  const first = Buffer.concat([Buffer.from(isPrehashed ? PREHASHED : LEGACY), keyIdOctets(keyId), octets]);
  return [
    `${UNTRUSTED}signature from minisign secret key`,
    first.toString('base64'),
    `${TRUSTED}${trustedComment}`,
    Buffer.from(globalOctets).toString('base64'),
    '',
  ].join('\n');
}

/** Signs octets as current minisign does. */
export function sign(content: Uint8Array, options: { key: SecretKey; trustedComment: string }): Signature {
  const { key, trustedComment } = options;
  checkComment(trustedComment);
  const octets = signOctets(null, hashOf(content), key.privateKey);
  const globalOctets = signOctets(null, commented(octets, trustedComment), key.privateKey);
  return { keyId: key.publicKey.id, isPrehashed: true, octets, trustedComment, globalOctets };
}

/** What is wrong with a signature that should be this key's over this content; undefined if nothing is. */
export function signatureFault(
  content: Uint8Array,
  options: { signature: Signature; key: PublicKey },
): string | undefined {
  const { signature, key } = options;
  if (signature.keyId !== key.id)
    return `it is of key ${displayId(signature.keyId)}, not of ${displayId(key.id)}`;
  const publicKey = keyObject(key);
  const signed = signature.isPrehashed ? hashOf(content) : content;
  if (!verifyOctets(null, signed, publicKey, signature.octets)) {
    return `it is not of key ${displayId(key.id)} over this very file`;
  }
  const comment = commented(signature.octets, signature.trustedComment);
  return verifyOctets(null, comment, publicKey, signature.globalOctets)
    ? undefined
    : 'its trusted comment is not the one that was signed';
}

/** A key's id as minisign prints it: without zeros in front. */
export const displayId = (id: string): string => id.replace(/^0+(?=.)/, '');

/** The id of eight octets: a number, its lowest octet first. */
export const keyIdOf = (octets: Uint8Array): string =>
  Buffer.from(octets.toReversed()).toString('hex').toUpperCase();

export const keyIdOctets = (id: string): Buffer => Buffer.from(Buffer.from(id, 'hex').toReversed());

export const UNTRUSTED = 'untrusted comment: ';
const TRUSTED = 'trusted comment: ';

/** The lines of a file, one last line end being no line. */
export function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Base64 of so many octets, and nothing else. */
export function decode(text: string, options: { what: string; length: number }): Buffer {
  const octets = Buffer.from(text, 'base64');
  // Node skips what is not base64, so that many texts would be one signature.
  if (octets.length !== options.length || octets.toString('base64') !== text) {
    throw unreadable(options.what, `it is not base64 of ${options.length} octets`);
  }
  return octets;
}

export const unreadable = (what: string, why: string): OperationalError =>
  new OperationalError('minisign', `Cannot read ${what}: ${why}`);

const hashOf = (content: Uint8Array): Buffer => createHash('blake2b512').update(content).digest();

const commented = (octets: Uint8Array, comment: string): Buffer =>
  Buffer.concat([octets, Buffer.from(comment)]);

/** Tabs are between the fields that minisign writes; any other control could paint something else on the terminal. */
function checkComment(comment: string): void {
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  const hasControl = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/.test(comment);
  if (hasControl || Buffer.byteLength(comment) > TRUSTED_COMMENT_LIMIT) {
    throw new OperationalError(
      'minisign',
      `Cannot use a trusted comment: it must be one line of at most ${TRUSTED_COMMENT_LIMIT} octets without control characters`,
    );
  }
}

function keyObject(key: PublicKey): KeyObject {
  const x = Buffer.from(key.octets).toString('base64url');
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'Ed25519', x } });
}
