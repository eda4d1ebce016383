import { isSpace } from './text.ts';

/**
 * Decoders of Content-Transfer-Encoding (RFC 2045 section 6), fed piece by piece, tolerant of what mail clients tolerate.
 *
 * base64: octets outside the alphabet are skipped; `=` ends a group, and what follows it is decoded on.
 * quoted-printable: `=` that starts neither a code nor a line break stands for itself, white space at the end of a line
 * goes, hexadecimal digits may be lower case. Every other encoding passes its octets as they are.
 */
export interface Decoder {
  /**
   * What can be decoded of the octets given so far and not yet returned. `last` says that none follow. The result is
   * never longer than the input plus 1,000 octets; it may be the input itself, or empty.
   */
  decode(octets: Uint8Array, last: boolean): Uint8Array;
}

/** `encoding` in lower case, as `MimePart.encoding` is. */
export function createDecoder(encoding: string): Decoder {
  if (encoding === 'base64') return new Base64Decoder();
  if (encoding === 'quoted-printable') return new QuotedPrintableDecoder();
  return { decode: (octets) => octets };
}

const BASE64_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const JUNK = 64;
const PADDING = 65;
const BASE64_VALUES = new Uint8Array(256).fill(JUNK);
for (let value = 0; value < 64; value++) BASE64_VALUES[BASE64_ALPHABET.charCodeAt(value)] = value;
BASE64_VALUES[61] = PADDING;

class Base64Decoder implements Decoder {
  /** The group being read: its bits, and how many characters of it there are. */
  #bits = 0;
  #count = 0;

  decode(octets: Uint8Array, last: boolean): Uint8Array {
    const result = new Uint8Array(Math.ceil((octets.length + 4) / 4) * 3);
    let length = 0;
    for (let i = 0; i < octets.length; i++) {
      const value = BASE64_VALUES[octets[i]!]!;
      if (value < JUNK) {
        this.#bits = (this.#bits << 6) | value;
        if (++this.#count < 4) continue;
        result[length++] = this.#bits >> 16;
        result[length++] = this.#bits >> 8;
        result[length++] = this.#bits;
        this.#bits = 0;
        this.#count = 0;
      } else if (value === PADDING) {
        length = this.#endGroup(result, length);
      }
    }
    if (last) length = this.#endGroup(result, length);
    return result.subarray(0, length);
  }

  #endGroup(result: Uint8Array, length: number): number {
    let end = length;
    if (this.#count >= 2) result[end++] = this.#bits >> (this.#count === 2 ? 4 : 10);
    if (this.#count === 3) result[end++] = this.#bits >> 2;
    this.#bits = 0;
    this.#count = 0;
    return end;
  }
}

const LF = 10;
const CR = 13;
const EQUALS = 61;

/** A run of white space that may turn out to be the end of a line is held back, but not more of it than this. */
const HELD_LIMIT = 998;

class QuotedPrintableDecoder implements Decoder {
  /** Octets that cannot be decoded before what follows is known. */
  #held: Uint8Array = new Uint8Array(0);

  decode(octets: Uint8Array, last: boolean): Uint8Array {
    const input = this.#held.length === 0 ? octets : Buffer.concat([this.#held, octets]);
    const result = new Uint8Array(input.length);
    let length = 0;
    let i = 0;
    while (i < input.length) {
      const octet = input[i]!;
      if (octet !== EQUALS && !isSpace(octet)) {
        result[length++] = octet;
        i++;
        continue;
      }
      const afterSpace = skipSpace(input, octet === EQUALS ? i + 1 : i);
      const undecided =
        afterSpace === input.length || (input[afterSpace] === CR && afterSpace + 1 === input.length);
      const atEnd = last && afterSpace === input.length;
      const shortCode = octet === EQUALS && i + 2 >= input.length;
      if (!last && (undecided || shortCode) && input.length - i <= HELD_LIMIT) break;
      if (octet === EQUALS) {
        const code = hexValue(input[i + 1]) * 16 + hexValue(input[i + 2]);
        const lineEnd = lengthOfLineEnd(input, afterSpace);
        if (code >= 0) {
          result[length++] = code;
          i += 3;
        } else if (lineEnd > 0) {
          i = afterSpace + lineEnd;
        } else if (atEnd) {
          i = afterSpace; // a soft line break whose line end is the part's
        } else {
          result[length++] = octet;
          i++;
        }
      } else if (lengthOfLineEnd(input, afterSpace) > 0 || atEnd) {
        i = afterSpace;
      } else {
        result.set(input.subarray(i, afterSpace), length);
        length += afterSpace - i;
        i = afterSpace;
      }
    }
    this.#held = Uint8Array.prototype.slice.call(input, i);
    return result.subarray(0, length);
  }
}

function skipSpace(input: Uint8Array, from: number): number {
  let i = from;
  while (isSpace(input[i])) i++;
  return i;
}

function lengthOfLineEnd(input: Uint8Array, at: number): number {
  if (input[at] === LF) return 1;
  return input[at] === CR && input[at + 1] === LF ? 2 : 0;
}

/** Far below zero for what is no digit, so that a code made with it is negative. */
function hexValue(octet: number | undefined): number {
  if (octet === undefined) return -1000;
  if (octet >= 48 && octet <= 57) return octet - 48;
  const upper = octet & ~32;
  return upper >= 65 && upper <= 70 ? upper - 55 : -1000;
}
