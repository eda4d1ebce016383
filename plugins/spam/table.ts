/** A power of two. */
export const PLACES: i32 = 0x10000;
/** Two counters of messages, then two for each place. */
const HEADER: i32 = 8;
const MOST: i32 = 0xffff;

/**
 * In how many learnt messages each token was, spam and other mail apart: one value of fixed size, whatever is learnt. Tokens are
 * hashed, so no text can be read from it; of two tokens with one place each counts for the other.
 */
export class Table {
  octets: Uint8Array;
  private view: DataView;

  constructor(stored: Uint8Array | null) {
    const octets = new Uint8Array(HEADER + PLACES * 4);
    if (stored !== null) {
      // Without `null` in its type, which `set` would take over.
      const before: Uint8Array = stored;
      if (before.length == octets.length) octets.set(before);
    }
    this.octets = octets;
    this.view = new DataView(octets.buffer, octets.byteOffset, octets.length);
  }

  /** Messages that were learnt. */
  messages(isSpam: bool): i32 {
    return this.view.getInt32(isSpam ? 4 : 0, true);
  }

  /** Learnt messages that have the token. */
  count(place: i32, isSpam: bool): i32 {
    return this.view.getUint16(at(place, isSpam), true);
  }

  learn(places: Uint16Array, isSpam: bool): void {
    if (this.messages(isSpam) == MOST) this.halve();
    this.view.setInt32(isSpam ? 4 : 0, this.messages(isSpam) + 1, true);
    for (let i = 0; i < places.length; i++) {
      this.view.setUint16(at(places[i], isSpam), <u16>min(MOST, this.count(places[i], isSpam) + 1), true);
    }
  }

  /** What was learnt long ago counts less and less. */
  private halve(): void {
    this.view.setInt32(0, this.messages(false) >> 1, true);
    this.view.setInt32(4, this.messages(true) >> 1, true);
    for (let at = HEADER; at < this.octets.length; at += 2) {
      this.view.setUint16(at, this.view.getUint16(at, true) >> 1, true);
    }
  }
}

function at(place: i32, isSpam: bool): i32 {
  return HEADER + place * 4 + (isSpam ? 2 : 0);
}
