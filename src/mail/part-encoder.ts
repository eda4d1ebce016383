/**
 * Encoders of Content-Transfer-Encoding (RFC 2045 section 6), fed piece by piece: the counterpart of `part-decoder.ts`. The result is
 * ASCII in CRLF lines of at most 76 characters, none of which starts with `--`, so that none can be taken for the delimiter of a multipart
 * around it.
 *
 * quoted-printable: CRLF is a line end, every other CR or LF is encoded as an octet, so that decoding gives back each octet. There is a
 * line end after the last line if the body has one. base64 has none there.
 */
export interface Encoder {
  /** What can be encoded of the octets given so far and not yet returned. `last` says that none follow. */
  encode(octets: Uint8Array, last: boolean): Uint8Array;
}

export function createEncoder(encoding: 'quoted-printable' | 'base64'): Encoder {
  return encoding === 'base64' ? new Base64Encoder() : new QuotedPrintableEncoder();
}

/** RFC 2045 section 6.7 (5) and 6.8: an encoded line has at most 76 characters. */
const LINE_LIMIT = 76;
/** Octets of a line of base64. */
const LINE_OCTETS = (LINE_LIMIT / 4) * 3;
/** Octets that are encoded at once, whole lines of them: a large body is never a list of all of its lines. */
const STEP = LINE_OCTETS * 1024;

class Base64Encoder implements Encoder {
  #held: Buffer = Buffer.alloc(0);
  #first = true;

  encode(octets: Uint8Array, last: boolean): Uint8Array {
    const input = Buffer.concat([this.#held, octets]);
    const end = last ? input.length : input.length - (input.length % LINE_OCTETS);
    const pieces: Buffer[] = [];
    for (let at = 0; at < end; at += STEP) {
      const lines = input
        .toString('base64', at, Math.min(at + STEP, end))
        .replaceAll(/.{76}(?=.)/g, '$&\r\n');
      pieces.push(Buffer.from(this.#first ? lines : `\r\n${lines}`, 'latin1'));
      this.#first = false;
    }
    this.#held = input.subarray(end);
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }
}

const [CR, LF, SPACE, TAB, EQUALS, DASH] = [13, 10, 32, 9, 61, 45];
const HEX = Buffer.from('0123456789ABCDEF');
/** At the most an octet becomes its code, and one in a line a soft line break besides. */
const GROWTH = 4;
const SLACK = 16;

class QuotedPrintableEncoder implements Encoder {
  /** What they become is not known before the octets after them are. */
  #held: Uint8Array = new Uint8Array(0);
  /** Characters in the line so far. */
  #column = 0;

  encode(octets: Uint8Array, last: boolean): Uint8Array {
    const input = this.#held.length === 0 ? octets : Buffer.concat([this.#held, octets]);
    const { length } = input;
    const result = Buffer.allocUnsafe(length * GROWTH + SLACK);
    let written = 0;
    let at = 0;
    // Whether an octet is the last of its line shows two octets later.
    const end = last ? length : length - 2;
    while (at < end) {
      const octet = input[at]!;
      if (octet === CR && input[at + 1] === LF) {
        result[written++] = CR;
        result[written++] = LF;
        this.#column = 0;
        at += 2;
        continue;
      }
      const endsLine = at + 1 === length || (input[at + 1] === CR && input[at + 2] === LF);
      const isSpace = octet === SPACE || octet === TAB;
      let isPlain = isSpace ? !endsLine : octet > SPACE && octet < 127 && octet !== EQUALS;
      // One column stays free for the `=` of a soft line break, unless the line ends here.
      const room = (endsLine ? LINE_LIMIT : LINE_LIMIT - 1) - this.#column;
      if ((isPlain ? 1 : 3) > room) {
        result[written++] = EQUALS;
        result[written++] = CR;
        result[written++] = LF;
        this.#column = 0;
      }
      if (octet === DASH && this.#column === 0) isPlain = false;
      if (isPlain) {
        result[written++] = octet;
      } else {
        result[written++] = EQUALS;
        result[written++] = HEX[octet >> 4]!;
        result[written++] = HEX[octet & 15]!;
      }
      this.#column += isPlain ? 1 : 3;
      at += 1;
    }
    this.#held = Uint8Array.prototype.slice.call(input, Math.min(at, length));
    return result.subarray(0, written);
  }
}
