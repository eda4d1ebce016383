import { createPrivateKey, createPublicKey, randomBytes, scrypt, type KeyObject } from 'node:crypto';
import { blake2b256 } from './blake2b.ts';
import { decode, keyIdOctets, keyIdOf, linesOf, UNTRUSTED, unreadable, type PublicKey } from './minisign.ts';

/**
 * Secret keys in minisign's files, encrypted by a password or not. 158 octets: `Ed`, `Sc` (scrypt) or two zeros, `B2`, salt
 * (32), libsodium's limits of work and memory (8 each), then what is encrypted: key id (8), seed (32) and public key (32),
 * checksum (32). Current minisign leaves the checksum of a key without password zero.
 */
export interface SecretKey {
  readonly publicKey: PublicKey;
  readonly privateKey: KeyObject;
}

/** How hard a password is to guess. */
export interface Effort {
  readonly operations: number;
  /** Octets. */
  readonly memory: number;
}

/** What minisign uses: 1 GiB of memory and some seconds. */
const SENSITIVE: Effort = { operations: 33_554_432, memory: 1024 * 1024 * 1024 };

/** A file could ask for more memory than there is. */
const MEMORY_LIMIT = 2 * SENSITIVE.memory;

const SEALED_LENGTH = 104;

/** A new key. */
export function generateKey(): SecretKey {
  return keyOf(randomBytes(8), randomBytes(32));
}

/** Whether the file of a secret key needs a password. Throws an OperationalError of code `minisign`. */
export const needsPassword = (text: string): boolean => read(text).isEncrypted;

/** Reads the file of a secret key. Throws an OperationalError of code `minisign`. */
export async function parseSecretKey(text: string, password: string): Promise<SecretKey> {
  const { isEncrypted, salt, effort, sealed } = read(text);
  const plain = isEncrypted ? xor(sealed, await stream(password, { salt, effort })) : sealed;
  const checksum = plain.subarray(72);
  const isUnset = !isEncrypted && checksum.every((octet) => octet === 0);
  if (!isUnset && !checksum.equals(checksumOf(plain))) {
    throw unreadable('the secret key', isEncrypted ? 'the password is wrong' : 'its checksum is wrong');
  }
  const key = keyOf(plain.subarray(0, 8), plain.subarray(8, 40));
  if (!plain.subarray(40, 72).equals(key.publicKey.octets)) {
    throw unreadable('the secret key', 'its two halves do not belong together');
  }
  return key;
}

/** The file of a secret key. With '' as the password it is not encrypted. */
export async function formatSecretKey(
  key: SecretKey,
  options: { password: string; effort?: Effort },
): Promise<string> {
  const { password, effort = SENSITIVE } = options;
  const seed = Buffer.from(key.privateKey.export({ format: 'jwk' }).d!, 'base64url');
  const plain = Buffer.concat([keyIdOctets(key.publicKey.id), seed, key.publicKey.octets, Buffer.alloc(32)]);
  const head = Buffer.alloc(54);
  head.write('Ed', 0);
  head.write('B2', 4);
  let sealed: Buffer = plain;
  if (password !== '') {
    const salt = randomBytes(32);
    checksumOf(plain).copy(plain, 72);
    head.write('Sc', 2);
    salt.copy(head, 6);
    head.writeBigUInt64LE(BigInt(effort.operations), 38);
    head.writeBigUInt64LE(BigInt(effort.memory), 46);
    sealed = xor(plain, await stream(password, { salt, effort }));
  }
  return `${UNTRUSTED}minisign encrypted secret key\n${Buffer.concat([head, sealed]).toString('base64')}\n`;
}

interface SecretFile {
  readonly isEncrypted: boolean;
  readonly salt: Buffer;
  readonly effort: Effort;
  readonly sealed: Buffer;
}

function read(text: string): SecretFile {
  const lines = linesOf(text);
  if (lines.length !== 2 || !lines[0]!.startsWith(UNTRUSTED)) {
    throw unreadable('the secret key', 'it has not the two lines that minisign writes');
  }
  const octets = decode(lines[1]!, { what: 'the secret key', length: 54 + SEALED_LENGTH });
  const kind = octets.toString('latin1', 0, 6);
  if (kind !== 'EdScB2' && kind !== 'Ed\0\0B2') {
    throw unreadable('the secret key', 'it is not of the kind Ed25519 with scrypt and BLAKE2b');
  }
  return {
    isEncrypted: kind === 'EdScB2',
    salt: octets.subarray(6, 38),
    effort: { operations: Number(octets.readBigUInt64LE(38)), memory: Number(octets.readBigUInt64LE(46)) },
    sealed: octets.subarray(54),
  };
}

function keyOf(id: Uint8Array, seed: Uint8Array): SecretKey {
  // PKCS #8 (RFC 8410 section 7): the one form in which node takes a seed alone.
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { publicKey: { id: keyIdOf(id), octets: Buffer.from(x!, 'base64url') }, privateKey };
}

/** Of the kind, key id, seed and public key. */
const checksumOf = (plain: Buffer): Buffer =>
  Buffer.from(blake2b256(Buffer.concat([Buffer.from('Ed'), plain.subarray(0, 72)])));

const xor = (octets: Buffer, by: Buffer): Buffer => Buffer.from(octets.map((octet, at) => octet ^ by[at]!));

/** What a password makes of a salt. Throws an OperationalError where the file asks for too much memory. */
function stream(password: string, options: { salt: Buffer; effort: Effort }): Promise<Buffer> {
  const { cost, blockSize, parallelization } = scryptParameters(options.effort);
  const needed = 128 * blockSize * (cost + parallelization + 2);
  if (options.effort.memory > MEMORY_LIMIT || needed > MEMORY_LIMIT) {
    throw unreadable('the secret key', `its password takes more than ${MEMORY_LIMIT} octets of memory`);
  }
  const maxmem = needed + 1024 * 1024;
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, octets: Buffer): void =>
      error === null ? resolve(octets) : reject(error);
    scrypt(password, options.salt, SEALED_LENGTH, { cost, blockSize, parallelization, maxmem }, done);
  });
}

/** As libsodium chooses them (`pickparams` in crypto_pwhash_scryptsalsa208sha256). */
export function scryptParameters(effort: Effort): {
  cost: number;
  blockSize: number;
  parallelization: number;
} {
  const operations = Math.max(effort.operations, 32_768);
  const blockSize = 8;
  const costWithin = (most: number): number => {
    let exponent = 1;
    while (exponent < 63 && 2 ** exponent <= most / 2) exponent += 1;
    return 2 ** exponent;
  };
  if (operations < effort.memory / 32) {
    return { cost: costWithin(Math.floor(operations / (blockSize * 4))), blockSize, parallelization: 1 };
  }
  const cost = costWithin(Math.floor(effort.memory / (blockSize * 128)));
  const blocks = Math.min(Math.floor(operations / 4 / cost), 0x3fff_ffff);
  return { cost, blockSize, parallelization: Math.floor(blocks / blockSize) };
}
