import { Gathering } from './gathering';
import { Sink } from './sink';

/** RFC 2045 section 6.8, lines of 76. `ends` adds the last line end. */
export class ToBase64 extends Sink {
  private sink: Sink;
  private ends: bool;
  private bits: u32 = 0;
  private count: i32 = 0;
  private column: i32 = 0;

  constructor(sink: Sink, ends: bool) {
    super();
    this.sink = sink;
    this.ends = ends;
  }

  put(octet: i32): void {
    this.bits = (this.bits << 8) | octet;
    this.count++;
    if (this.count < 3) return;
    for (let shift = 18; shift >= 0; shift -= 6) this.letter(letterOf((this.bits >> shift) & 63));
    this.bits = 0;
    this.count = 0;
  }

  end(): void {
    if (this.count > 0) {
      const bits = this.bits << (8 * (3 - this.count));
      for (let i = 0; i < 4; i++) this.letter(i <= this.count ? letterOf((bits >> (18 - 6 * i)) & 63) : 0x3d);
    }
    if (this.ends) {
      this.sink.put(13);
      this.sink.put(10);
    }
    this.sink.end();
  }

  private letter(octet: i32): void {
    if (this.column == 76) {
      this.sink.put(13);
      this.sink.put(10);
      this.column = 0;
    }
    this.sink.put(octet);
    this.column++;
  }
}

function letterOf(value: u32): i32 {
  if (value < 26) return 0x41 + value;
  if (value < 52) return 0x61 + value - 26;
  if (value < 62) return 0x30 + value - 52;
  return value == 62 ? 0x2b : 0x2f;
}

/** RFC 2045 section 6.7 for text: line ends stay, lines have at most 76 characters. */
export class ToQuoted extends Sink {
  private sink: Sink;
  private column: i32 = 0;
  /** The last octet if its form depends on the next one: white space, or a CR; else -1. */
  private held: i32 = -1;

  constructor(sink: Sink) {
    super();
    this.sink = sink;
  }

  put(octet: i32): void {
    const held = this.held;
    this.held = -1;
    if (held == 13 && octet == 10) {
      this.sink.put(13);
      this.sink.put(10);
      this.column = 0;
      return;
    }
    if (held == 13) this.escaped(13);
    else if (held >= 0) {
      if (octet == 13) this.escaped(held);
      else this.plain(held);
    }
    if (octet == 13 || octet == 0x20 || octet == 0x09) this.held = octet;
    else if (octet < 0x21 || octet > 0x7e || octet == 0x3d) this.escaped(octet);
    else this.plain(octet);
  }

  end(): void {
    if (this.held >= 0) this.escaped(this.held);
    this.sink.end();
  }

  private plain(octet: i32): void {
    this.room(1);
    // A line must not begin as a delimiter or as the end of the data does.
    if (this.column == 0 && (octet == 0x2d || octet == 0x2e)) return this.escaped(octet);
    this.sink.put(octet);
    this.column++;
  }

  private escaped(octet: i32): void {
    this.room(3);
    this.sink.put(0x3d);
    this.sink.put(HEX.charCodeAt(octet >> 4));
    this.sink.put(HEX.charCodeAt(octet & 15));
    this.column += 3;
  }

  private room(count: i32): void {
    if (this.column + count <= 75) return;
    this.sink.put(0x3d);
    this.sink.put(13);
    this.sink.put(10);
    this.column = 0;
  }
}

export const HEX: string = '0123456789ABCDEF';

/** Octets at hand as base64, without a last line end. */
export function base64Of(octets: Uint8Array): string {
  const gathering = new Gathering();
  give(octets, new ToBase64(gathering, false));
  return gathering.text;
}

/** Octets at hand as quoted-printable. */
export function quotedOf(octets: Uint8Array): string {
  const gathering = new Gathering();
  give(octets, new ToQuoted(gathering));
  return gathering.text;
}

function give(octets: Uint8Array, sink: Sink): void {
  for (let i = 0; i < octets.length; i++) sink.put(octets[i]);
  sink.end();
}
