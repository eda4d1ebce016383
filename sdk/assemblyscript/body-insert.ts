import { Message } from './message';
import { Part } from './part';
import { Decoded } from './text/decoded';
import { base64Of, quotedOf } from './text/encode';
import { encodeUtf8 } from './utf8';

/** Octets of a body, as encoded, in which a place can be found. */
const HEAD: i32 = 128 * 1024;

/** The beginning of a part's body, to put something in. */
export class BodyHead {
  private part: Part;
  decoded: Decoded;

  constructor(part: Part) {
    this.part = part;
    const raw = new Uint8Array(min(part.size, HEAD));
    const length = Message.read(part.offset + part.headerSize, raw);
    this.decoded = new Decoded(raw.subarray(0, length), part.encoding);
  }

  /**
   * Puts octets before octet `at` of the decoded body, in the part's own encoding. Their lines end in CRLF. Of what
   * is there only the group of base64 in which `at` may lie is written anew.
   */
  insert(at: i32, octets: Uint8Array): void {
    const encoding = this.part.encoding;
    if (encoding == 'base64') return this.insertBase64(at, octets);
    if (encoding != 'quoted-printable') return this.splice(this.decoded.startOf(at), 0, octets);
    // A soft line break before and after: the place may be anywhere in a line.
    const text = (at > 0 ? '=\r\n' : '') + quotedOf(octets);
    const isWhole = text.endsWith('\r\n');
    this.splice(this.decoded.startOf(at), 0, encodeUtf8(isWhole ? text : text + '=\r\n'));
  }

  private insertBase64(at: i32, octets: Uint8Array): void {
    const decoded = this.decoded;
    const before = at % 3;
    const after = before == 0 || at >= decoded.length ? 0 : 3 - before;
    // Whole groups, so that what follows stays as it is: filled up with spaces at the end of the last line, which mean nothing there.
    let lastLine = octets.length;
    while (lastLine > 0 && (octets[lastLine - 1] == 13 || octets[lastLine - 1] == 10)) lastLine--;
    const size = ((before + octets.length + after + 2) / 3) * 3;
    const whole = new Uint8Array(size).fill(0x20);
    whole.set(decoded.octets.subarray(at - before, at));
    whole.set(octets.subarray(0, lastLine), before);
    whole.set(octets.subarray(lastLine), size - after - (octets.length - lastLine));
    whole.set(decoded.octets.subarray(at, at + after), size - after);
    const start = decoded.startOf(at - before);
    const end = before == 0 ? start : decoded.endOf(at - 1);
    this.splice(start, end - start, encodeUtf8((start > 0 ? '\r\n' : '') + base64Of(whole) + '\r\n'));
  }

  private splice(offset: i32, remove: i32, octets: Uint8Array): void {
    Message.splice(this.part.offset + this.part.headerSize + offset, remove, octets);
  }
}
