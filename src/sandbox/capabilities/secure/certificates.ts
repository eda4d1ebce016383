import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as asn1js from 'asn1js';
import * as pkijs from 'pkijs';
import type { SmimeKey, SmimePartners } from '../../../ocp/held-key.ts';
import { partnerFile } from './partner-file.ts';

/** X.509 certificates of S/MIME (RFC 8550): whom they are for, and whether they are believed. Synchronous reads: for library threads. */
export interface Identity {
  readonly name: string;
  readonly key: KeyObject;
  readonly certificate: pkijs.Certificate;
  /** Its certificate first, then those up to the authority. DER. */
  readonly chain: readonly Uint8Array[];
}

export function identityOf({ name, file, certificate }: SmimeKey): Identity {
  const chain = readCertificates(certificate);
  const [first] = chain;
  if (first === undefined) throw new Error(`the key ${name} has no certificate in ${certificate}`);
  return {
    name,
    key: createPrivateKey(readFileSync(file)),
    certificate: pkijs.Certificate.fromBER(first),
    chain,
  };
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----([^-]+)-----END/g;
const REVOCATIONS = /-----BEGIN X509 CRL-----([^-]+)-----END/g;

const readCertificates = (file: string): Uint8Array<ArrayBuffer>[] => readPem(file, CERTIFICATE);

function readPem(file: string, form: RegExp): Uint8Array<ArrayBuffer>[] {
  const text = readFileSync(file, 'latin1');
  return [...text.matchAll(form)].map(([, base64 = '']) => new Uint8Array(Buffer.from(base64, 'base64')));
}

/** The certificate to encrypt to: of the address, else of its domain; the first that is valid now and may be used so. */
export function recipientCertificate(
  partners: readonly SmimePartners[],
  address: string,
): pkijs.Certificate | undefined {
  return partnerCertificates(partners, address)
    .map((one) => pkijs.Certificate.fromBER(one))
    .find((one) => isValidNow(one) && allows(one, KEY_ENCIPHERMENT | KEY_AGREEMENT));
}

/** What the operator keeps for the address, else for its domain. */
function partnerCertificates(
  partners: readonly SmimePartners[],
  address: string,
): readonly Uint8Array<ArrayBuffer>[] {
  for (const { directory } of partners) {
    const file = partnerFile(directory, { address, extension: 'pem' });
    if (file !== undefined) return readCertificates(file);
  }
  return [];
}

function isValidNow({ notBefore, notAfter }: pkijs.Certificate): boolean {
  const now = new Date();
  return notBefore.value <= now && now <= notAfter.value;
}

const DIGITAL_SIGNATURE = 0x80;
const NON_REPUDIATION = 0x40;
const KEY_ENCIPHERMENT = 0x20;
const KEY_AGREEMENT = 0x08;
const EMAIL_PROTECTION = new Set(['1.3.6.1.5.5.7.3.4', '2.5.29.37.0']);

/** Any of these bits of KeyUsage, and mail in ExtKeyUsage; what is absent allows all (RFC 5280 sections 4.2.1.3, 4.2.1.12). */
function allows({ extensions = [] }: pkijs.Certificate, usages: number): boolean {
  return extensions.every(({ extnID, parsedValue }) => {
    if (parsedValue instanceof asn1js.BitString && extnID === '2.5.29.15') {
      return ((parsedValue.valueBlock.valueHexView[0] ?? 0) & usages) !== 0;
    }
    return (
      !(parsedValue instanceof pkijs.ExtKeyUsage) ||
      parsedValue.keyPurposes.some((one) => EMAIL_PROTECTION.has(one))
    );
  });
}

/** Why a signature by this certificate, which fits what was signed, is not believed for mail from this address; '' if it is. */
export async function distrust(
  certificate: pkijs.Certificate,
  options: { beside: readonly pkijs.Certificate[]; partners: readonly SmimePartners[]; from: string },
): Promise<string> {
  const { beside, partners, from } = options;
  if (!isValidNow(certificate)) return 'the certificate is not valid at this time';
  if (!allows(certificate, DIGITAL_SIGNATURE | NON_REPUDIATION))
    return 'the certificate is not for signatures';
  const chains = await Promise.all(partners.map((one) => chainFault(certificate, { beside, partners: one })));
  const fault = chains.includes('') ? '' : (chains[0] ?? 'no authority is known');
  if (fault !== '') return fault;
  const octets = Buffer.from(certificate.toSchema().toBER());
  if (isFor(new X509Certificate(octets), from)) return '';
  // The certificate of a partner's gateway, which the operator keeps for the address or its domain.
  const isKept = partnerCertificates(partners, from).some((one) => octets.equals(one));
  return isKept ? '' : 'the certificate is not of the address in From';
}

const isFor = (certificate: X509Certificate, address: string): boolean =>
  address !== '' && certificate.checkEmail(address, { subject: 'always' }) !== undefined;

async function chainFault(
  certificate: pkijs.Certificate,
  { beside, partners }: { beside: readonly pkijs.Certificate[]; partners: SmimePartners },
): Promise<string> {
  const trustedCerts = readCertificates(partners.authorities).map((one) => pkijs.Certificate.fromBER(one));
  const crls = (partners.revocations === undefined ? [] : readPem(partners.revocations, REVOCATIONS)).map(
    (one) => pkijs.CertificateRevocationList.fromBER(one),
  );
  const { serialNumber, issuer } = certificate;
  const engine = new pkijs.CertificateChainValidationEngine({
    trustedCerts,
    crls,
    // The last one is what is judged.
    certs: [
      ...beside.filter((one) => !(one.serialNumber.isEqual(serialNumber) && one.issuer.isEqual(issuer))),
      certificate,
    ],
    checkDate: new Date(),
  });
  const { result, resultMessage } = await engine.verify({ passedWhenNotRevValues: true });
  if (result) return '';
  return /revoked/i.test(resultMessage)
    ? 'the certificate is revoked'
    : 'no authority that is known vouches for the certificate';
}
