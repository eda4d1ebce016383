import { Message } from '../message';
import { Sink } from './sink';

const CHUNK: i32 = 32 * 1024;
const chunk = new Uint8Array(CHUNK);

/** Gives the octets from `start` to `end` of the message to a sink, with their encoding undone, and ends it. */
export function decodeRange(start: i32, end: i32, encoding: string, sink: Sink): void {
  const first: Sink =
    encoding == 'base64'
      ? new FromBase64(sink)
      : encoding == 'quoted-printable'
        ? new FromQuoted(sink)
        : sink;
  for (let at = start; at < end;) {
    const length = min(Message.read(at, chunk), end - at);
    if (length <= 0) break;
    for (let i = 0; i < length; i++) first.put(unchecked(chunk[i]));
    at += length;
  }
  first.end();
}

/** RFC 2045 section 6.8: what is not of the alphabet is skipped. Padding ends a quantum, and more may follow. */
export class FromBase64 extends Sink {
  private bits: u32 = 0;
  private count: i32 = 0;
  private sink: Sink;

  constructor(sink: Sink) {
    super();
    this.sink = sink;
  }

  put(octet: i32): void {
    if (octet == 0x3d) {
      this.bits = 0;
      this.count = 0;
      return;
    }
    const value = valueOf(octet);
    if (value < 0) return;
    this.bits = ((this.bits << 6) | value) & 0xffff;
    this.count += 6;
    if (this.count < 8) return;
    this.count -= 8;
    this.sink.put((this.bits >> this.count) & 0xff);
  }

  end(): void {
    this.sink.end();
  }
}

/** Of a letter of base64; -1 if it is none. */
export function valueOf(octet: i32): i32 {
  if (octet >= 0x41 && octet <= 0x5a) return octet - 0x41;
  if (octet >= 0x61 && octet <= 0x7a) return octet - 0x61 + 26;
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30 + 52;
  return octet == 0x2b ? 62 : octet == 0x2f ? 63 : -1;
}

/** RFC 2045 section 6.7: white space at the end of a line is dropped; `=` that means nothing stays. */
export class FromQuoted extends Sink {
  private sink: Sink;
  /** White space that may be at the end of a line, and what came after an `=`. */
  private held: i32[] = [];
  private escape: i32[] = [];
  private isEscape: bool = false;

  constructor(sink: Sink) {
    super();
    this.sink = sink;
  }

  put(octet: i32): void {
    if (this.isEscape) return this.putEscaped(octet);
    if (octet == 0x20 || octet == 0x09) {
      this.held.push(octet);
      return;
    }
    if (octet == 13 || octet == 10) this.held.length = 0;
    this.release();
    if (octet == 0x3d) this.isEscape = true;
    else this.sink.put(octet);
  }

  end(): void {
    if (this.isEscape) this.giveBack();
    this.held.length = 0;
    this.sink.end();
  }

  private putEscaped(octet: i32): void {
    const length = this.escape.length;
    const isSpace = octet == 0x20 || octet == 0x09;
    const first = length > 0 ? this.escape[0] : 0;
    const spaced = length == 0 || first == 0x20 || first == 0x09;
    if (spaced && octet == 13) return;
    if (spaced && octet == 10) {
      this.escape.length = 0;
      this.isEscape = false;
      return;
    }
    if (spaced && isSpace && length < 998) {
      this.escape.push(octet);
      return;
    }
    if (length == 0 && hexOf(octet) >= 0) {
      this.escape.push(octet);
      return;
    }
    if (length == 1 && hexOf(first) >= 0 && hexOf(octet) >= 0) {
      this.escape.length = 0;
      this.isEscape = false;
      this.sink.put((hexOf(first) << 4) | hexOf(octet));
      return;
    }
    this.giveBack();
    this.put(octet);
  }

  /** It was no escape: what it was taken for is text. */
  private giveBack(): void {
    this.isEscape = false;
    this.sink.put(0x3d);
    const kept = this.escape.slice();
    this.escape.length = 0;
    for (let i = 0; i < kept.length; i++) this.put(kept[i]);
  }

  private release(): void {
    for (let i = 0; i < this.held.length; i++) this.sink.put(this.held[i]);
    this.held.length = 0;
  }
}

/** -1 if it is no hexadecimal digit. */
export function hexOf(octet: i32): i32 {
  if (octet >= 0x30 && octet <= 0x39) return octet - 0x30;
  const letter = octet | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
