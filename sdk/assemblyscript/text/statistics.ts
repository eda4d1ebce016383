import { Sink } from './sink';

/** What the octets of a text say about its charset. */
export class Statistics extends Sink {
  hasHigh: bool = false;
  /** 0x80 to 0x9F: controls in the ISO-8859 family, which nobody writes. */
  hasC1: bool = false;
  hasEscape: bool = false;
  hasNul: bool = false;
  /** Well-formed sequences of several octets, and what is no UTF-8. */
  wellFormed: i32 = 0;
  malformed: i32 = 0;
  private more: i32 = 0;
  private low: i32 = 0;
  private high: i32 = 0;

  get isUtf8(): bool {
    return this.malformed == 0;
  }

  put(octet: i32): void {
    if (octet < 0x80) {
      if (octet == 0x1b) this.hasEscape = true;
      if (octet == 0) this.hasNul = true;
      if (this.more > 0) this.malformed++;
      this.more = 0;
      return;
    }
    this.hasHigh = true;
    if (octet < 0xa0) this.hasC1 = true;
    if (this.more > 0 && octet >= this.low && octet <= this.high) {
      this.low = 0x80;
      this.high = 0xbf;
      if (--this.more == 0) this.wellFormed++;
      return;
    }
    if (this.more > 0) this.malformed++;
    this.more = octet < 0xc2 ? 0 : octet < 0xe0 ? 1 : octet < 0xf0 ? 2 : octet < 0xf5 ? 3 : 0;
    if (this.more == 0) this.malformed++;
    // The second octet's range keeps overlong forms, surrogates and points past U+10FFFF out.
    this.low = octet == 0xe0 ? 0xa0 : octet == 0xf0 ? 0x90 : 0x80;
    this.high = octet == 0xed ? 0x9f : octet == 0xf4 ? 0x8f : 0xbf;
  }

  end(): void {
    if (this.more > 0) this.malformed++;
    this.more = 0;
  }
}

/** Statistics of octets at hand. `octets` has one character for each. */
export function statisticsOf(octets: string): Statistics {
  const statistics = new Statistics();
  for (let i = 0; i < octets.length; i++) statistics.put(octets.charCodeAt(i));
  statistics.end();
  return statistics;
}
