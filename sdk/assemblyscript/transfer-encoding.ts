/**
 * Content-Transfer-Encoding (RFC 2045 section 6) in the guest, for edits inside of an encoded body. Whole parts are decoded by the
 * host: `Part.read`.
 */
const ALPHABET: string = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const HEX: string = '0123456789ABCDEF';
const LINE: i32 = 76;

/** The beginning of a body, decoded, with where each octet was. */
export class Decoded {
  octets: Uint8Array;
  length: i32 = 0;
  /** For each octet the offset in the raw body where its code begins (of base64: its group of four). */
  private starts: StaticArray<i32>;
  /** Where it ends. */
  private ends: StaticArray<i32>;

  constructor(raw: Uint8Array, encoding: string) {
    // A group of four characters that is cut off still gives what it has.
    this.octets = new Uint8Array(raw.length + 3);
    this.starts = new StaticArray<i32>(raw.length + 3);
    this.ends = new StaticArray<i32>(raw.length + 3);
    if (encoding == 'base64') this.readBase64(raw);
    else if (encoding == 'quoted-printable') this.readQuoted(raw);
    else for (let i = 0; i < raw.length; i++) this.push(raw[i], i, i + 1);
  }

  /** Where in the raw body the code of octet `index` begins; the end of the last one if there is no such octet. */
  startOf(index: i32): i32 {
    if (index < this.length) return this.starts[index];
    return this.length == 0 ? 0 : this.ends[this.length - 1];
  }

  endOf(index: i32): i32 {
    return this.ends[index];
  }

  private push(octet: i32, start: i32, end: i32): void {
    this.octets[this.length] = <u8>octet;
    this.starts[this.length] = start;
    this.ends[this.length++] = end;
  }

  /** Up to the first `=`: what follows a padding is too odd to be edited. */
  private readBase64(raw: Uint8Array): void {
    let bits = 0;
    let count = 0;
    let start = 0;
    for (let i = 0; i < raw.length && raw[i] != 0x3d; i++) {
      const value = ALPHABET.indexOf(String.fromCharCode(raw[i]));
      if (value < 0) continue;
      if (count == 0) start = i;
      bits = (bits << 6) | value;
      if (++count < 4) continue;
      for (let shift = 16; shift >= 0; shift -= 8) this.push((bits >> shift) & 0xff, start, i + 1);
      bits = 0;
      count = 0;
    }
  }

  private readQuoted(raw: Uint8Array): void {
    for (let i = 0; i < raw.length;) {
      const isCode = raw[i] == 0x3d;
      const value = isCode && i + 2 < raw.length ? hexValue(raw[i + 1]) * 16 + hexValue(raw[i + 2]) : -1;
      if (value >= 0) {
        this.push(value, i, i + 3);
        i += 3;
        continue;
      }
      let end = i + 1;
      while (isCode && end < raw.length && (raw[end] == 0x20 || raw[end] == 9 || raw[end] == 13)) end++;
      if (isCode && end < raw.length && raw[end] == 10) {
        i = end + 1;
        continue;
      }
      this.push(raw[i], i, i + 1);
      i++;
    }
  }
}

/** In lines of at most 76 characters with a CRLF between them. */
export function encodeBase64(octets: Uint8Array): string {
  const pieces: string[] = [];
  for (let i = 0; i < octets.length; i += 3) {
    if (i > 0 && i % 57 == 0) pieces.push('\r\n');
    const left = octets.length - i;
    const bits =
      ((<i32>octets[i]) << 16) |
      (left > 1 ? (<i32>octets[i + 1]) << 8 : 0) |
      (left > 2 ? <i32>octets[i + 2] : 0);
    pieces.push(ALPHABET.charAt(bits >> 18));
    pieces.push(ALPHABET.charAt((bits >> 12) & 63));
    pieces.push(left > 1 ? ALPHABET.charAt((bits >> 6) & 63) : '=');
    pieces.push(left > 2 ? ALPHABET.charAt(bits & 63) : '=');
  }
  return pieces.join('');
}

/** Quoted-printable; a CRLF in the octets stays one. No line begins with `-`, so none can be taken for a boundary. */
export function encodeQuoted(octets: Uint8Array): string {
  const pieces: string[] = [];
  let column = 0;
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i];
    if (octet == 13 && i + 1 < octets.length && octets[i + 1] == 10) {
      pieces.push('\r\n');
      column = 0;
      i++;
      continue;
    }
    const isPlain = octet > 0x20 && octet < 0x7f && octet != 0x3d && !(octet == 0x2d && column == 0);
    const endsLine = i + 1 == octets.length || octets[i + 1] == 13;
    const piece =
      isPlain || (octet == 0x20 && !endsLine)
        ? String.fromCharCode(octet)
        : '=' + HEX.charAt(octet >> 4) + HEX.charAt(octet & 15);
    if (column + piece.length >= LINE) {
      pieces.push('=\r\n');
      column = 0;
      // What was plain in the middle of a line may not be at its beginning.
      if (octet == 0x2d) {
        pieces.push('=2D');
        column = 3;
        continue;
      }
    }
    pieces.push(piece);
    column += piece.length;
  }
  return pieces.join('');
}

/** Far below zero for what is no digit, so that a code made with it is negative. */
function hexValue(octet: i32): i32 {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const upper = octet & ~32;
  return upper >= 0x41 && upper <= 0x46 ? upper - 55 : -1000;
}
