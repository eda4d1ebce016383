import { createHash, sign as signOctets } from 'node:crypto';
import type { SyncByteSource } from '../../base/spool.ts';
import { readHeader, type HeaderIndex } from '../header-index.ts';
import {
  BodyHash,
  canonicalField,
  canonicalSignature,
  hashBody,
  type Canonicalization,
} from './canonical.ts';
import type { DkimSigningKey } from './private-key.ts';
import { signedFields } from './signed-fields.ts';

/**
 * Makes a DKIM-Signature (RFC 6376, RFC 8463). Fields that are to be signed and not there are left out of `h=`; those of `oversign` are
 * named once more than they are there, so that nobody can add another.
 */
export interface DkimSigning {
  readonly domain: string;
  readonly selector: string;
  /** Names of header fields; From is among them. */
  readonly headers: readonly string[];
  readonly oversign: readonly string[];
  readonly canonicalization: { readonly header: Canonicalization; readonly body: Canonicalization };
  /** Seconds since the epoch. */
  readonly time: number;
  /** Seconds since the epoch, after which it is no good. */
  readonly expires?: number | undefined;
}

/** The field, folded, with its line end: it goes before all others. */
export function dkimSign(
  message: SyncByteSource,
  signing: DkimSigning,
  { key, algorithm }: DkimSigningKey,
): string {
  const header = readHeader(message);
  const { canonicalization, domain, selector, time, expires } = signing;
  const body = new BodyHash(canonicalization.body);
  hashBody(message, { start: header.bodyStart, hashes: [body] });
  const names = namesToSign(header, signing);
  const unsigned = signatureField('DKIM-Signature', [
    `v=1; a=${algorithm}; c=${canonicalization.header}/${canonicalization.body}`,
    `d=${domain}; s=${selector}`,
    `t=${time}${expires === undefined ? '' : `; x=${expires}`}`,
    `h=${foldedNames(names)}`,
    `bh=${body.digest()}`,
  ]);
  return withSignature(unsigned, {
    header,
    names,
    how: canonicalization.header,
    signer: { key, algorithm },
  });
}

/** Adds the value of `b=`, the field's last tag: the signature of the named fields and of the field itself. */
export function withSignature(
  unsigned: string,
  signed: { header: HeaderIndex; names: readonly string[]; how: Canonicalization; signer: DkimSigningKey },
): string {
  const { header, names, how, signer } = signed;
  const fields = signedFields(header, names).map((raw) => canonicalField(raw, how));
  const octets = Buffer.from(fields.join('') + canonicalSignature(unsigned, how), 'latin1');
  return `${unsigned}${foldedText(signatureOf(octets, signer))}\r\n`;
}

/** In base64. Ed25519 signs the hash (RFC 8463 section 3). */
export function signatureOf(octets: Uint8Array, { key, algorithm }: DkimSigningKey): string {
  const signature =
    algorithm === 'rsa-sha256'
      ? signOctets('sha256', octets, key)
      : signOctets(null, createHash('sha256').update(octets).digest(), key);
  return signature.toString('base64');
}

/** Names as they are in `h=`. */
export function namesToSign(
  header: HeaderIndex,
  { headers, oversign }: Pick<DkimSigning, 'headers' | 'oversign'>,
): string[] {
  const once = new Set(oversign.map((name) => name.toLowerCase()));
  return headers.flatMap((name) => {
    const times = header.named(name).length + (once.has(name.toLowerCase()) ? 1 : 0);
    return Array.from({ length: times }, () => name);
  });
}

/** The field up to `b=`; each item is a line of its own, of one or several tags. */
export function signatureField(name: string, lines: readonly string[]): string {
  return `${name}: ${[...lines.map((line) => `${line};`), 'b='].join('\r\n\t')}`;
}

const LINE_GOAL = 72;

export function foldedNames(names: readonly string[]): string {
  let column = 0;
  return names
    .map((name, index) => {
      const text = index === names.length - 1 ? name : `${name}:`;
      const breaks = column > 0 && column + text.length > LINE_GOAL;
      column = breaks ? text.length : column + text.length;
      return breaks ? `\r\n\t${text}` : text;
    })
    .join('');
}

export const foldedText = (text: string): string => text.match(/.{1,72}/g)!.join('\r\n\t');
