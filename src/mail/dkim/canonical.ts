import { createHash, type Hash } from 'node:crypto';
import type { SyncByteSource } from '../../base/spool.ts';

/** How header and body are made canonical before they are signed (RFC 6376 section 3.4). */
export type Canonicalization = 'simple' | 'relaxed';

const CR = 13;
const LF = 10;
const SPACE = 32;
const TAB = 9;
const OUTPUT = 64 * 1024;

/**
 * A field as it is hashed, its line end included; `raw` is all of the field as it stands in the message, one character an octet. White
 * space is SP and TAB only: other octets that some take for it may be part of UTF-8.
 */
export function canonicalField(raw: string, how: Canonicalization): string {
  const field = raw.replace(/\r?\n$/, '');
  if (how === 'simple') return `${field}\r\n`;
  const colon = field.indexOf(':');
  const name = field.slice(0, colon).replace(/[ \t]+$/, '');
  const value = field
    .slice(colon + 1)
    .replace(/\r?\n/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/^ | $/g, '');
  return `${name.toLowerCase()}:${value}\r\n`;
}

/** A signature's own field as it is hashed: the value of `b=` taken out, no line end (RFC 6376 section 3.7). */
export function canonicalSignature(raw: string, how: Canonicalization): string {
  const colon = raw.indexOf(':') + 1;
  const unsigned =
    raw.slice(0, colon) + raw.slice(colon).replace(/((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*/, '$1');
  return canonicalField(unsigned, how).replace(/\r\n$/, '');
}

/**
 * The hash of a body, fed piece by piece (RFC 6376 sections 3.4.3, 3.4.4, 3.7).
 */
export class BodyHash {
  /** Octets of the canonical body so far. */
  length = 0;
  readonly #relaxed: boolean;
  readonly #hash: Hash;
  readonly #output = Buffer.allocUnsafe(OUTPUT);
  #filled = 0;
  /** Line ends that count only if something follows. */
  #lineEnds = 0;
  #space = false;
  #cr = false;

  constructor(how: Canonicalization) {
    this.#relaxed = how === 'relaxed';
    this.#hash = createHash('sha256');
  }

  update(octets: Uint8Array): void {
    for (const octet of octets) {
      if (this.#cr) {
        this.#cr = false;
        if (octet === LF) {
          this.#space = false;
          this.#lineEnds++;
          continue;
        }
        this.#text(CR);
      }
      if (octet === CR) this.#cr = true;
      else if (this.#relaxed && (octet === SPACE || octet === TAB)) this.#space = true;
      else this.#text(octet);
    }
  }

  /** In base64. */
  digest(): string {
    if (this.#cr) this.#text(CR);
    if (!this.#relaxed || this.length > 0) this.#lineEnd();
    this.#flush();
    return this.#hash.digest('base64');
  }

  #text(octet: number): void {
    for (; this.#lineEnds > 0; this.#lineEnds--) this.#lineEnd();
    if (this.#space) this.#put(SPACE);
    this.#space = false;
    this.#put(octet);
  }

  #lineEnd(): void {
    this.#put(CR);
    this.#put(LF);
  }

  #put(octet: number): void {
    this.length++;
    this.#output[this.#filled++] = octet;
    if (this.#filled === OUTPUT) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#output.subarray(0, this.#filled));
    this.#filled = 0;
  }
}

/** Feeds a body, the octets from `start`, to all of the hashes, reading it once. */
export function hashBody(
  source: SyncByteSource,
  options: { start: number; hashes: readonly BodyHash[] },
): void {
  const piece = Buffer.allocUnsafe(64 * 1024);
  for (let offset = options.start; ;) {
    const length = source.readInto(piece, offset);
    if (length === 0) return;
    for (const hash of options.hashes) hash.update(piece.subarray(0, length));
    offset += length;
  }
}
