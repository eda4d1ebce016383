import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  constants,
  type CipherGCMTypes,
  type KeyObject,
} from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { context, der, integer, NULL, OCTET_STRING, oid, SEQUENCE, SET } from './der.ts';
import type { Identity } from './certificates.ts';

/**
 * CMS EnvelopedData (RFC 5652 section 6) with AES in CBC, and AuthEnvelopedData (RFC 5083) with AES in GCM, for holders of RSA keys (PKCS #1
 * 1.5, OAEP) and of keys on NIST's curves (ECDH, RFC 5753). PKI.js reads the structures; it knows neither PKCS #1 1.5, which most mail
 * is encrypted with, nor AuthEnvelopedData, so the keys are unwrapped here by Node's crypto.
 *
 * Whatever is wrong (another's key, bad padding, a tag that does not fit) is one and the same failure.
 */
const ENVELOPED = '1.2.840.113549.1.7.3';
const AUTH_ENVELOPED = '1.2.840.113549.1.9.16.1.23';
const DATA = '1.2.840.113549.1.7.1';
const RSA = '1.2.840.113549.1.1.1';
const OAEP = '1.2.840.113549.1.1.7';
const AES = '2.16.840.1.101.3.4.1';
const CBC = new Map([2, 22, 42].map((arc, at) => [`${AES}.${arc}`, `aes-${128 + 64 * at}-cbc` as const]));
const GCM = new Map<string, CipherGCMTypes>([
  [`${AES}.6`, 'aes-128-gcm'],
  [`${AES}.26`, 'aes-192-gcm'],
  [`${AES}.46`, 'aes-256-gcm'],
]);
const WRAP = new Map([5, 25, 45].map((arc, at) => [`${AES}.${arc}`, 128 + 64 * at]));
/** Key derivations of ECDH: the hash by the scheme. */
const KDF = new Map([
  ['1.3.133.16.840.63.0.2', 'sha1'],
  ['1.3.132.1.11.0', 'sha224'],
  ['1.3.132.1.11.1', 'sha256'],
  ['1.3.132.1.11.2', 'sha384'],
  ['1.3.132.1.11.3', 'sha512'],
]);
const HASHES = new Map([
  ['1.3.14.3.2.26', 'sha1'],
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
]);
const RECIPIENTS_LIMIT = 1000;

export type Cipher = 'aes-256-cbc' | 'aes-256-gcm';

export interface Opened {
  readonly octets: Buffer<ArrayBuffer>;
  /** Whether anybody could have changed it on the way: false for CBC. */
  readonly authenticated: boolean;
}

export const isEnveloped = (type: string): boolean => type === ENVELOPED || type === AUTH_ENVELOPED;

/** Throws if none of the keys fits, or if anything else is wrong. */
export function openEnveloped(info: pkijs.ContentInfo, identities: readonly Identity[]): Opened {
  const content: unknown = info.content;
  if (!isEnveloped(info.contentType) || !(content instanceof asn1js.Sequence))
    throw new Error('it is no CMS');
  const fields = content.valueBlock.value;
  const at = fields.findIndex((one) => one instanceof asn1js.Set);
  const recipients = fields[at];
  const encrypted = new pkijs.EncryptedContentInfo({ schema: fields[at + 1] });
  if (!(recipients instanceof asn1js.Set) || recipients.valueBlock.value.length > RECIPIENTS_LIMIT) {
    throw new Error('it has no recipients, or too many');
  }
  const algorithm = encrypted.contentEncryptionAlgorithm;
  const isAuthenticated = info.contentType === AUTH_ENVELOPED;
  const gcm = isAuthenticated ? GCM.get(algorithm.algorithmId) : undefined;
  const cbc = isAuthenticated ? undefined : CBC.get(algorithm.algorithmId);
  const size = Number((gcm ?? cbc)?.slice(4, 7)) / 8;
  const infos = recipients.valueBlock.value.map((schema) => new pkijs.RecipientInfo({ schema }));
  const data = Buffer.from(encrypted.getEncryptedContent());
  for (const identity of identities) {
    const key = contentKey(infos, { identity, size });
    if (key === undefined) continue;
    if (cbc !== undefined) {
      const decipher = createDecipheriv(cbc, key, octetsOf(algorithm.algorithmParams));
      return { octets: joined(decipher.update(data), decipher.final()), authenticated: false };
    }
    if (gcm === undefined) break;
    const rest = fields.slice(at + 2);
    const decipher = createDecipheriv(gcm, key, nonceOf(algorithm.algorithmParams), { authTagLength: 16 });
    decipher.setAuthTag(octetsOf(rest.find((one) => one instanceof asn1js.OctetString)));
    const attributes = rest.find((one) => one.idBlock.tagClass === 3 && one.idBlock.tagNumber === 1);
    if (attributes !== undefined) {
      const covered = Buffer.from(attributes.toBER());
      // RFC 5083 section 2.2: as a SET.
      covered[0] = SET;
      decipher.setAAD(covered);
    }
    return { octets: joined(decipher.update(data), decipher.final()), authenticated: true };
  }
  throw new Error('it is for others, or by a cipher that is not supported');
}

/** RFC 5084 section 3.2. */
const nonceOf = (params: unknown): Buffer =>
  octetsOf(params instanceof asn1js.Sequence ? params.valueBlock.value[0] : undefined);

const joined = (first: Buffer, second: Buffer): Buffer<ArrayBuffer> => Buffer.concat([first, second]);

function octetsOf(block: unknown): Buffer<ArrayBuffer> {
  if (!(block instanceof asn1js.OctetString)) throw new Error('octets are missing');
  return Buffer.from(block.getValue());
}

function contentKey(
  infos: readonly pkijs.RecipientInfo[],
  { identity, size }: { identity: Identity; size: number },
): Buffer | undefined {
  const { certificate, key } = identity;
  for (const { value } of infos) {
    if (value instanceof pkijs.KeyTransRecipientInfo && isFor(value.rid, certificate)) {
      return transported(value, { key, size });
    }
    if (!(value instanceof pkijs.KeyAgreeRecipientInfo)) continue;
    const mine = value.recipientEncryptedKeys.encryptedKeys.find(({ rid }) => isFor(rid.value, certificate));
    if (mine !== undefined) return agreed(value, { identity, wrapped: octetsOf(mine.encryptedKey) });
  }
  return undefined;
}

function isFor(rid: unknown, certificate: pkijs.Certificate): boolean {
  if (rid instanceof pkijs.IssuerAndSerialNumber) {
    return rid.issuer.isEqual(certificate.issuer) && rid.serialNumber.isEqual(certificate.serialNumber);
  }
  const extension = certificate.extensions?.find(({ extnID }) => extnID === '2.5.29.14')?.parsedValue;
  const block = rid instanceof pkijs.RecipientKeyIdentifier ? rid.subjectKeyIdentifier : rid;
  if (!(extension instanceof asn1js.OctetString) || !(block instanceof asn1js.BaseBlock)) return false;
  // After the tag and the length, which are the implicit ones of an octet string.
  return Buffer.from(block.toBER()).subarray(2).equals(octetsOf(extension));
}

function transported(
  info: pkijs.KeyTransRecipientInfo,
  { key, size }: { key: KeyObject; size: number },
): Buffer {
  const wrapped = octetsOf(info.encryptedKey);
  const { algorithmId, algorithmParams } = info.keyEncryptionAlgorithm;
  if (algorithmId === OAEP) {
    const params = new pkijs.RSAESOAEPParams(
      algorithmParams === undefined ? {} : { schema: algorithmParams },
    );
    const oaepHash = HASHES.get(params.hashAlgorithm.algorithmId) ?? 'sha1';
    return privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, wrapped);
  }
  if (algorithmId !== RSA) throw new Error('its way of encrypting keys is not supported');
  return unpadded(privateDecrypt({ key, padding: constants.RSA_NO_PADDING }, wrapped), size);
}

/**
 * PKCS #1 1.5 undone. What is not padded gives a random key (RFC 3218 section 2.3.2), so that it fails where a wrong key does, and after
 * as much work: whoever sends made-up keys hears nothing from it (Bleichenbacher). Node itself refuses this padding where its OpenSSL does not do so.
 */
function unpadded(block: Buffer, size: number): Buffer {
  const fallback = randomBytes(size);
  const at = block.length - size;
  let bad = block[0]! | (block[1]! ^ 2) | block[at - 1]!;
  for (let i = 2; i < at - 1; i++) bad |= Number(block[i] === 0);
  const mask = Number(bad !== 0) * 0xff;
  return Buffer.from(fallback.map((octet, i) => (octet & mask) | (block[at + i]! & ~mask & 0xff)));
}

function agreed(
  info: pkijs.KeyAgreeRecipientInfo,
  { identity, wrapped }: { identity: Identity; wrapped: Buffer },
): Buffer {
  const { certificate, key } = identity;
  const { value } = info.originator;
  if (!(value instanceof pkijs.OriginatorPublicKey)) throw new Error('its originator is not supported');
  const spki = new pkijs.PublicKeyInfo({
    algorithm: certificate.subjectPublicKeyInfo.algorithm,
    subjectPublicKey: value.publicKey,
  });
  const publicKey = createPublicKey({
    key: Buffer.from(spki.toSchema().toBER()),
    format: 'der',
    type: 'spki',
  });
  const hash = KDF.get(info.keyEncryptionAlgorithm.algorithmId);
  const wrapAlgorithm: unknown = info.keyEncryptionAlgorithm.algorithmParams;
  if (!(wrapAlgorithm instanceof asn1js.Sequence)) throw new Error('its key wrap is missing');
  const bits = WRAP.get(new pkijs.AlgorithmIdentifier({ schema: wrapAlgorithm }).algorithmId);
  if (hash === undefined || bits === undefined)
    throw new Error('its way of agreeing on keys is not supported');
  const kek = derive(diffieHellman({ privateKey: key, publicKey }), {
    hash,
    bits,
    wrapAlgorithm: Buffer.from(wrapAlgorithm.toBER()),
    ...(info.ukm && { ukm: octetsOf(info.ukm) }),
  });
  const unwrap = createDecipheriv(`id-aes${bits}-wrap`, kek, WRAP_IV);
  return Buffer.concat([unwrap.update(wrapped), unwrap.final()]);
}

/** RFC 3394 section 2.2.3.1. */
const WRAP_IV = Buffer.alloc(8, 0xa6);

/** X9.63 with ECC-CMS-SharedInfo (RFC 5753 section 7.2). */
function derive(
  secret: Buffer,
  how: { hash: string; bits: number; wrapAlgorithm: Buffer; ukm?: Buffer },
): Buffer {
  const bits = Buffer.alloc(4);
  bits.writeUInt32BE(how.bits);
  const shared = der(
    SEQUENCE,
    how.wrapAlgorithm,
    ...(how.ukm === undefined ? [] : [der(context(0), der(OCTET_STRING, how.ukm))]),
    der(context(2), der(OCTET_STRING, bits)),
  );
  const blocks: Buffer[] = [];
  for (let counter = 1, size = 0; size < how.bits / 8; counter++) {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    const block = createHash(how.hash).update(secret).update(count).update(shared).digest();
    blocks.push(block);
    size += block.length;
  }
  return Buffer.concat(blocks).subarray(0, how.bits / 8);
}

/** The octets, encrypted for these, as a ContentInfo in DER. */
export function makeEnveloped(
  octets: Uint8Array,
  { to, cipher }: { to: readonly pkijs.Certificate[]; cipher: Cipher },
): Buffer<ArrayBuffer> {
  const key = randomBytes(32);
  const recipients = der(SET, ...to.map((certificate) => recipientInfo(certificate, key)));
  const isGcm = cipher === 'aes-256-gcm';
  const iv = randomBytes(isGcm ? 12 : 16);
  const { data, tag } = isGcm
    ? sealed(octets, { key, iv })
    : { data: enciphered(octets, { key, iv }), tag: [] };
  const params = isGcm ? der(SEQUENCE, der(OCTET_STRING, iv), integer(16)) : der(OCTET_STRING, iv);
  const content = der(
    SEQUENCE,
    oid(DATA),
    der(SEQUENCE, oid(`${AES}.${isGcm ? 46 : 42}`), params),
    der(context(0, { primitive: true }), data),
  );
  // RFC 5652 section 6.1: 2 if there are recipients by key agreement; section 2.1 of RFC 5083: 0.
  const isAgreed = to.some((certificate) => !isRsa(certificate));
  const version = integer(!isGcm && isAgreed ? 2 : 0);
  return der(
    SEQUENCE,
    oid(isGcm ? AUTH_ENVELOPED : ENVELOPED),
    der(context(0), der(SEQUENCE, version, recipients, content, ...tag)),
  );
}

function sealed(octets: Uint8Array, { key, iv }: { key: Buffer; iv: Buffer }) {
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: 16 });
  const data = Buffer.concat([cipher.update(octets), cipher.final()]);
  return { data, tag: [der(OCTET_STRING, cipher.getAuthTag())] };
}

function enciphered(octets: Uint8Array, { key, iv }: { key: Buffer; iv: Buffer }): Buffer {
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  return Buffer.concat([cipher.update(octets), cipher.final()]);
}

const isRsa = (certificate: pkijs.Certificate): boolean =>
  certificate.subjectPublicKeyInfo.algorithm.algorithmId === RSA;

function recipientInfo(certificate: pkijs.Certificate, contentKey: Buffer): Buffer {
  const spki = Buffer.from(certificate.subjectPublicKeyInfo.toSchema().toBER());
  const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  const id = der(
    SEQUENCE,
    Buffer.from(certificate.issuer.toSchema().toBER()),
    Buffer.from(certificate.serialNumber.toBER()),
  );
  if (isRsa(certificate)) {
    const wrapped = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, contentKey);
    return der(SEQUENCE, integer(0), id, der(SEQUENCE, oid(RSA), NULL), der(OCTET_STRING, wrapped));
  }
  const namedCurve = publicKey.asymmetricKeyDetails?.namedCurve;
  if (publicKey.asymmetricKeyType !== 'ec' || namedCurve === undefined) {
    throw new Error("a certificate has a key of a kind that can't be encrypted to");
  }
  const own = generateKeyPairSync('ec', { namedCurve });
  const wrapAlgorithm = der(SEQUENCE, oid(`${AES}.45`));
  const kek = derive(diffieHellman({ privateKey: own.privateKey, publicKey }), {
    hash: 'sha256',
    bits: 256,
    wrapAlgorithm,
  });
  const wrap = createCipheriv('id-aes256-wrap', kek, WRAP_IV);
  const wrapped = Buffer.concat([wrap.update(contentKey), wrap.final()]);
  // [1] OriginatorPublicKey is the SPKI but for its tag.
  const originator = own.publicKey.export({ format: 'der', type: 'spki' });
  originator[0] = context(1);
  return der(
    context(1),
    integer(3),
    der(context(0), originator),
    der(SEQUENCE, oid('1.3.132.1.11.1'), wrapAlgorithm),
    der(SEQUENCE, der(SEQUENCE, id, der(OCTET_STRING, wrapped))),
  );
}
