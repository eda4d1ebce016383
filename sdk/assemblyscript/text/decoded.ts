import { hexOf, valueOf } from './decode';

/** The beginning of a body, decoded, with where each octet was: for edits inside of it. Whole parts are decoded by the host (`Part.read`). */
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
      const value = valueOf(raw[i]);
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
      const high = isCode && i + 2 < raw.length ? hexOf(raw[i + 1]) : -1;
      const low = high >= 0 ? hexOf(raw[i + 2]) : -1;
      if (low >= 0) {
        this.push((high << 4) | low, i, i + 3);
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
