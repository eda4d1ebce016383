import { readFileSync } from 'node:fs';
import * as openpgp from 'openpgp';
import type { OpenpgpKey, OpenpgpPartners } from '../../../ocp/held-key.ts';
import { decodedBody, multipart, paramOf, twoParts } from './entity.ts';
import { BAD, bad, FAILED, type Format, type SignedLayer, type Unwrapped } from './layers.ts';
import { partnerFile } from './partner-file.ts';

/**
 * PGP/MIME (RFC 3156) by OpenPGP.js. What is not protected against changes (no MDC, no AEAD) it does not open, and nothing is taken of what
 * fails before its end. Text in a plain body that looks like PGP is left alone: what of it is covered, readers can't tell.
 */
type Octets = Uint8Array<ArrayBuffer>;
type Config = openpgp.PartialConfig;

export function openpgpMime(options: {
  signing: readonly OpenpgpKey[];
  decrypting: readonly OpenpgpKey[];
  partners: readonly OpenpgpPartners[];
  /** Octets that a message may have when it is decompressed. */
  sizeLimit: number;
}): Format {
  const { signing, decrypting, partners, sizeLimit } = options;
  const config: Config = { maxDecompressedMessageSize: sizeLimit, showVersion: false, showComment: false };

  return {
    canSign: signing.length > 0,
    async unwrap(entity, { from }) {
      const type = entity.type.value;
      const protocol = paramOf(entity, 'protocol');
      if (type === 'multipart/encrypted' && protocol === 'application/pgp-encrypted') {
        const read = twoParts(entity);
        if ('fault' in read) return FAILED;
        const [control, content] = read.parts;
        const isRight = control.type.value === 'application/pgp-encrypted';
        if (!isRight || content.type.value !== 'application/octet-stream') return FAILED;
        const decryptionKeys = await Promise.all(decrypting.map(secretKey));
        return open(decodedBody(content), { decryptionKeys, config, from, partners });
      }
      if (type !== 'multipart/signed' || protocol !== 'application/pgp-signature') return undefined;
      const read = twoParts(entity);
      if ('fault' in read) return { layer: bad(read.fault) };
      const [content, last] = read.parts;
      const armoredSignature = textOf(decodedBody(last)).trim();
      // The library skips what stands before, which readers show.
      if (last.type.value !== 'application/pgp-signature' || !ONE_SIGNATURE.test(armoredSignature))
        return { layer: BAD };
      const message = await openpgp.createMessage({ binary: new Uint8Array(content.octets) });
      try {
        const signature = await openpgp.readSignature({ armoredSignature, config });
        const verificationKeys = await keysOf(partners, from);
        const { signatures } = await openpgp.verify({
          message,
          signature,
          verificationKeys,
          format: 'binary',
          config,
        });
        return { layer: await judge(signatures, verificationKeys) };
      } catch {
        return { layer: BAD };
      }
    },
    async sign(entity) {
      const armored = await openpgp.sign({
        message: await openpgp.createMessage({ binary: new Uint8Array(entity) }),
        signingKeys: await secretKey(signing[0]!),
        detached: true,
        format: 'armored',
        config,
      });
      const { packets } = await openpgp.readSignature({ armoredSignature: armored });
      const hash = HASHES.get(packets[0]?.hashAlgorithm ?? -1) ?? 'sha256';
      const part = `Content-Type: application/pgp-signature; name=signature.asc\r\n\r\n${crlf(armored)}`;
      return multipart('signed', {
        params: `protocol="application/pgp-signature"; micalg=pgp-${hash}`,
        parts: [entity, Buffer.from(part)],
      });
    },
    async reachable(addresses) {
      const known = await Promise.all(
        addresses.map(async (one) => (await encryptionKeys(partners, one)).length > 0),
      );
      return addresses.filter((_, index) => known[index]);
    },
    async encrypt(entity, { to }) {
      const keys = await Promise.all(to.map((one) => encryptionKeys(partners, one)));
      if (keys.some(({ length }) => length === 0)) throw new Error('a recipient has no key any more');
      const armored = await openpgp.encrypt({
        message: await openpgp.createMessage({ binary: new Uint8Array(entity) }),
        encryptionKeys: keys.flat(),
        format: 'armored',
        config,
      });
      const control = 'Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1';
      const content = `Content-Type: application/octet-stream; name=encrypted.asc\r\n\r\n${crlf(armored)}`;
      return multipart('encrypted', {
        params: 'protocol="application/pgp-encrypted"',
        parts: [Buffer.from(control), Buffer.from(content, 'latin1')],
      });
    },
  };
}

const ONE_SIGNATURE =
  /^-----BEGIN PGP SIGNATURE-----[ \t]*\r?\n(?:(?!-----)[^\n]*\n)*-----END PGP SIGNATURE-----$/;

/** As `micalg` names them (RFC 9580 section 9.5). */
const HASHES = new Map<number, string>([
  [8, 'sha256'],
  [9, 'sha384'],
  [10, 'sha512'],
]);

const textOf = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1');

const crlf = (text: string): string => text.trimEnd().replaceAll(/\r?\n/g, '\r\n');

async function secretKey({ name, file }: OpenpgpKey): Promise<openpgp.PrivateKey> {
  const key = await openpgp.readPrivateKey({ armoredKey: readFileSync(file, 'latin1') });
  if (!key.isDecrypted()) throw new Error(`the key ${name} has a passphrase`);
  return key;
}

/** What the operator keeps for the address, else for its domain. */
async function keysOf(partners: readonly OpenpgpPartners[], address: string): Promise<openpgp.Key[]> {
  for (const { directory } of partners) {
    const file = partnerFile(directory, { address, extension: 'asc' });
    if (file !== undefined) return openpgp.readKeys({ armoredKeys: readFileSync(file, 'latin1') });
  }
  return [];
}

/** The first that can be encrypted to: not revoked, not expired, of a kind for it. */
async function encryptionKeys(partners: readonly OpenpgpPartners[], address: string): Promise<openpgp.Key[]> {
  for (const key of await keysOf(partners, address)) {
    try {
      await key.getEncryptionKey();
      return [key];
    } catch {
      // The next.
    }
  }
  return [];
}

async function open(
  octets: Octets,
  how: {
    decryptionKeys: openpgp.PrivateKey[];
    config: Config;
    from: string;
    partners: readonly OpenpgpPartners[];
  },
): Promise<Unwrapped> {
  const { decryptionKeys, config, from, partners } = how;
  if (decryptionKeys.length === 0) return FAILED;
  try {
    const message = textOf(octets.subarray(0, 200)).trimStart().startsWith('-----BEGIN PGP')
      ? await openpgp.readMessage({ armoredMessage: textOf(octets), config })
      : await openpgp.readMessage({ binaryMessage: octets, config });
    const verificationKeys = await keysOf(partners, from);
    const { data, signatures } = await openpgp.decrypt({
      message,
      decryptionKeys,
      verificationKeys,
      format: 'binary',
      config,
    });
    const beside = signatures.length === 0 ? [] : [await judge(signatures, verificationKeys)];
    return {
      layer: { kind: 'encrypted', result: 'opened' },
      beside,
      inner: Buffer.from(new Uint8Array(data)),
      authenticated: true,
    };
  } catch {
    return FAILED;
  }
}

/** Every signature by a key that is kept must fit, and one be believed; those by others say nothing. */
async function judge(
  signatures: openpgp.VerifyMessageResult['signatures'],
  keys: readonly openpgp.Key[],
): Promise<SignedLayer> {
  const reasons: string[] = [];
  for (const { keyID, verified } of signatures) {
    const key = keys.find((one) => one.getKeys(keyID).length > 0);
    if (key === undefined) {
      await verified.catch(() => false);
      reasons.push('its key is not known for the address in From');
      continue;
    }
    try {
      await key.verifyPrimaryKey();
    } catch (thrown) {
      await verified.catch(() => false);
      reasons.push(`the key is ${/revoked/i.test(String(thrown)) ? 'revoked' : 'not valid at this time'}`);
      continue;
    }
    try {
      await verified;
      reasons.push('');
    } catch (thrown) {
      if (!/expired|revoked|newer than|not valid|insecure/i.test(String(thrown))) {
        return { ...BAD, reason: 'what was signed has been changed' };
      }
      reasons.push('the signature is not valid at this time');
    }
  }
  if (reasons.includes('')) return { kind: 'signed', result: 'good', reason: '' };
  return { kind: 'signed', result: 'untrusted', reason: reasons[0] ?? 'there is no signature in it' };
}
