import { createHash, sign as signOctets } from 'node:crypto';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import { encodeBinary } from '../../../mail/transfer-encoding.ts';
import type { SmimeKey, SmimePartners } from '../../../ocp/held-key.ts';
import { distrust, identityOf, recipientCertificate, type Identity } from './certificates.ts';
import { context, der, integer, NULL, OCTET_STRING, oid, SEQUENCE, SET } from './der.ts';
import { isEnveloped, makeEnveloped, openEnveloped } from './enveloped.ts';
import { decodedBody, multipart, paramOf, twoParts } from './entity.ts';
import { BAD, bad, FAILED, type Format, type SignedLayer, type Unwrapped } from './layers.ts';

/** S/MIME 4.0 (RFC 8551): multipart/signed and application/pkcs7-mime. */
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const DATA = '1.2.840.113549.1.7.1';
const SHA256 = '2.16.840.1.101.3.4.2.1';
const STRONG = new Set([SHA256, '2.16.840.1.101.3.4.2.2', '2.16.840.1.101.3.4.2.3']);
const PKCS7_MIME = new Set(['application/pkcs7-mime', 'application/x-pkcs7-mime']);
const PKCS7_SIGNATURE = new Set(['application/pkcs7-signature', 'application/x-pkcs7-signature']);

export function smime(options: {
  signing: readonly SmimeKey[];
  decrypting: readonly SmimeKey[];
  partners: readonly SmimePartners[];
}): Format {
  const { signing, decrypting, partners } = options;

  return {
    canSign: signing.length > 0,
    async unwrap(entity, { from }) {
      if (PKCS7_MIME.has(entity.type.value)) {
        const info = contentInfo(decodedBody(entity));
        if (info?.contentType === SIGNED_DATA) return opaque(info, { from, partners });
        const isSecret = info === undefined || isEnveloped(info.contentType);
        // What its sender meant to be secret: a key of others and a broken structure look the same.
        return isSecret || paramOf(entity, 'smime-type').includes('enveloped')
          ? open(info, decrypting)
          : undefined;
      }
      if (entity.type.value !== 'multipart/signed' || !PKCS7_SIGNATURE.has(paramOf(entity, 'protocol')))
        return undefined;
      const read = twoParts(entity);
      if ('fault' in read) return { layer: bad(read.fault) };
      const [content, signature] = read.parts;
      const info = PKCS7_SIGNATURE.has(signature.type.value)
        ? contentInfo(decodedBody(signature))
        : undefined;
      if (info?.contentType !== SIGNED_DATA) return { layer: BAD };
      return { layer: await judge(info, { data: content.octets, from, partners }) };
    },
    async sign(entity) {
      const signature = detached(entity, identityOf(signing[0]!));
      const part = [
        'Content-Type: application/pkcs7-signature; name=smime.p7s',
        'Content-Transfer-Encoding: base64',
        'Content-Disposition: attachment; filename=smime.p7s',
        '',
        '',
      ];
      return multipart('signed', {
        params: 'protocol="application/pkcs7-signature"; micalg=sha-256',
        parts: [entity, Buffer.concat([Buffer.from(part.join('\r\n')), encodeBinary(signature).bytes])],
      });
    },
    async reachable(addresses) {
      return addresses.filter((address) => recipientCertificate(partners, address) !== undefined);
    },
    async encrypt(entity, { to, cipher }) {
      const certificates = to.flatMap((address) => recipientCertificate(partners, address) ?? []);
      if (certificates.length < to.length) throw new Error('a recipient has no certificate any more');
      const type = cipher === 'aes-256-gcm' ? 'authEnveloped-data' : 'enveloped-data';
      const fields = [
        `Content-Type: application/pkcs7-mime; smime-type=${type}; name=smime.p7m`,
        'Content-Transfer-Encoding: base64',
        'Content-Disposition: attachment; filename=smime.p7m',
        '',
        '',
      ];
      const content = encodeBinary(makeEnveloped(entity, { to: certificates, cipher })).bytes;
      return Buffer.concat([Buffer.from(fields.join('\r\n')), content, Buffer.from('\r\n')]);
    },
  };
}

/** Far more than a signed message needs; a message made of empty ASN.1 elements is no message. */
const LIMITS = { maxDepth: 64, maxNodes: 200_000, maxContentLength: 100 * 1024 * 1024 };

function contentInfo(octets: Uint8Array<ArrayBuffer>): pkijs.ContentInfo | undefined {
  try {
    const { offset, result } = asn1js.fromBER(octets, LIMITS);
    return offset === -1 ? undefined : new pkijs.ContentInfo({ schema: result });
  } catch {
    return undefined;
  }
}

function open(info: pkijs.ContentInfo | undefined, keys: readonly SmimeKey[]): Unwrapped {
  const identities = keys.map(identityOf);
  try {
    if (info === undefined) return FAILED;
    const { octets, authenticated } = openEnveloped(info, identities);
    return { layer: { kind: 'encrypted', result: 'opened' }, inner: octets, authenticated };
  } catch {
    return FAILED;
  }
}

interface Judging {
  readonly from: string;
  readonly partners: readonly SmimePartners[];
}

/** Certificates without a signature (RFC 8551 section 3.8) are no signed message. */
async function opaque(info: pkijs.ContentInfo, judging: Judging): Promise<Unwrapped | undefined> {
  try {
    const { encapContentInfo, signerInfos } = new pkijs.SignedData({ schema: info.content });
    const { eContent } = encapContentInfo;
    if (eContent === undefined) return signerInfos.length === 0 ? undefined : { layer: BAD };
    const data = Buffer.from(eContent.getValue());
    return { layer: await judge(info, { ...judging, data }), inner: data };
  } catch {
    return { layer: BAD };
  }
}

/** Every signer must fit, and one of them be believed. */
async function judge(
  info: pkijs.ContentInfo,
  { data, from, partners }: Judging & { data: Buffer<ArrayBuffer> },
): Promise<SignedLayer> {
  let signed: pkijs.SignedData;
  try {
    signed = new pkijs.SignedData({ schema: info.content });
  } catch {
    return BAD;
  }
  const { signerInfos, encapContentInfo } = signed;
  if (signerInfos.length === 0 || signerInfos.length > 10 || encapContentInfo.eContentType !== DATA)
    return BAD;
  const certificates = (signed.certificates ?? []).filter((one) => one instanceof pkijs.Certificate);
  const reasons: string[] = [];
  for (const [signer, { digestAlgorithm }] of signerInfos.entries()) {
    if (!STRONG.has(digestAlgorithm.algorithmId))
      return { ...BAD, reason: 'the signature is by a weak hash' };
    const certificate = await fits(signed, { signer, data });
    if (certificate === undefined) return { ...BAD, reason: 'what was signed has been changed' };
    reasons.push(await distrust(certificate, { beside: certificates, partners, from }));
  }
  if (reasons.includes('')) return { kind: 'signed', result: 'good', reason: '' };
  return { kind: 'signed', result: 'untrusted', reason: reasons[0]! };
}

/** The signer's certificate, if the signature is of these octets. */
async function fits(
  signed: pkijs.SignedData,
  { signer, data }: { signer: number; data: Buffer<ArrayBuffer> },
): Promise<pkijs.Certificate | undefined> {
  try {
    const exact = new Uint8Array(data).buffer;
    const verified = await signed.verify({ signer, data: exact, checkChain: false, extendedMode: true });
    return verified.signatureVerified === true ? (verified.signerCertificate ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

/** SignedData (RFC 5652 section 5) of content that is elsewhere. */
function detached(octets: Uint8Array, { key, certificate, chain }: Identity): Buffer {
  const attribute = (type: string, value: Buffer): Buffer => der(SEQUENCE, oid(type), der(SET, value));
  const attributes = Buffer.concat([
    attribute('1.2.840.113549.1.9.3', oid(DATA)),
    attribute('1.2.840.113549.1.9.5', der(0x17, Buffer.from(utcTime(new Date())))),
    attribute('1.2.840.113549.1.9.4', der(OCTET_STRING, createHash('sha256').update(octets).digest())),
  ]);
  const isRsa = key.asymmetricKeyType === 'rsa';
  const algorithm = isRsa
    ? der(SEQUENCE, oid('1.2.840.113549.1.1.11'), NULL)
    : der(SEQUENCE, oid('1.2.840.10045.4.3.2'));
  const digest = der(SEQUENCE, oid(SHA256));
  const signer = der(
    SEQUENCE,
    integer(1),
    der(
      SEQUENCE,
      Buffer.from(certificate.issuer.toSchema().toBER()),
      Buffer.from(certificate.serialNumber.toBER()),
    ),
    digest,
    der(context(0), attributes),
    algorithm,
    der(OCTET_STRING, signOctets('sha256', der(SET, attributes), key)),
  );
  const content = [
    integer(1),
    der(SET, digest),
    der(SEQUENCE, oid(DATA)),
    der(context(0), ...chain),
    der(SET, signer),
  ];
  return der(SEQUENCE, oid(SIGNED_DATA), der(context(0), der(SEQUENCE, ...content)));
}

/** `YYMMDDhhmmssZ` (RFC 5652 section 11.3). */
const utcTime = (date: Date): string => `${date.toISOString().slice(2, 19).replaceAll(/[-T:]/g, '')}Z`;
