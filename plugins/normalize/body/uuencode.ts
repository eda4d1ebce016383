import { decodeUtf8 } from '../../../sdk/assemblyscript';
import { octetsOf } from '../../../sdk/assemblyscript/text/octets';
import { Sink } from '../../../sdk/assemblyscript/text/sink';

/** A uuencoded file in a text. Offsets of the decoded text. */
export class Block {
  name: string = '';
  /** Where its line `begin` starts. */
  start: i32 = 0;
  /** Where the first line of data starts. */
  data: i32 = 0;
  /** After its line `end`. */
  end: i32 = 0;
  /** There is more than white space between the block before it, or the start, and this one. */
  hasTextBefore: bool = false;
}

const BLOCK_LIMIT: i32 = 100;
const LINE_LIMIT: i32 = 400;

/**
 * The rule `uuencode`: finds files that are uuencoded in a text. As strict about the frame as can be, since prose has lines that begin
 * with `begin`: octal digits and a name, lines of data all of which are that, and a line `end`. Forgiving about the data: lines of
 * any length, spaces at their end lost, a checksum after them.
 */
export class Finder extends Sink {
  blocks: Block[] = [];
  /** There is more than white space after the last block. */
  hasTextAfter: bool = false;
  private line: string[] = [];
  private offset: i32 = 0;
  private lineStart: i32 = 0;
  /** The block under way, if it is one. */
  private open: Block | null = null;
  private isEnding: bool = false;
  private hasData: bool = false;

  put(octet: i32): void {
    this.offset++;
    if (octet == 10) this.endLine();
    else if (this.line.length <= LINE_LIMIT) this.line.push(String.fromCharCode(octet));
  }

  end(): void {
    if (this.offset > this.lineStart) this.endLine();
    if (this.open !== null) this.hasTextAfter = true;
  }

  private endLine(): void {
    const line = this.line.join('');
    this.take(line.endsWith('\r') ? line.substring(0, line.length - 1) : line);
    this.line.length = 0;
    this.lineStart = this.offset;
  }

  private take(line: string): void {
    const block = this.open;
    if (block !== null) {
      if (line.trimEnd() == 'end' && this.hasData) {
        block.end = this.offset;
        this.blocks.push(block);
        this.open = null;
        this.hasTextAfter = false;
        return;
      }
      const count = line.length == 0 || line.trim().length == 0 ? 0 : countOf(line);
      if (count == 0) this.isEnding = true;
      else if (count < 0 || this.isEnding) {
        this.open = null;
        this.hasTextAfter = true;
      } else this.hasData = true;
      if (this.open !== null) return;
    }
    const name = this.blocks.length < BLOCK_LIMIT ? nameIn(line) : '';
    if (name.length == 0) {
      if (line.trim().length > 0) this.hasTextAfter = true;
      return;
    }
    const begun = new Block();
    begun.name = name;
    begun.start = this.lineStart;
    begun.data = this.offset;
    begun.hasTextBefore = this.hasTextAfter;
    this.open = begun;
    this.isEnding = false;
    this.hasData = false;
  }
}

/** `begin 644 name`; '' if the line is another. */
function nameIn(line: string): string {
  if (!line.startsWith('begin ')) return '';
  let at = 6;
  while (at < line.length && line.charCodeAt(at) >= 0x30 && line.charCodeAt(at) <= 0x37) at++;
  if (at < 9 || at > 10 || line.charAt(at) != ' ') return '';
  return decodeUtf8(octetsOf(line.substring(at + 1).trim()));
}

/** Octets that a line of data says it has; -1 if it is none. */
function countOf(line: string): i32 {
  for (let i = 0; i < line.length; i++) {
    if (line.charCodeAt(i) < 0x20 || line.charCodeAt(i) > 0x60) return -1;
  }
  const count = (line.charCodeAt(0) - 0x20) & 63;
  const needed = ((count + 2) / 3) * 4;
  // Two more: a checksum. Of those missing the spaces at the end are lost, which is rarely more than a group.
  return line.length - 1 > needed + 2 || (count > 0 && line.length - 1 < needed - 4) ? -1 : count;
}

/** Lines of data as octets, from the first up to the line that says 0. */
export class FromUuencode extends Sink {
  private sink: Sink;
  private line: i32[] = [];

  constructor(sink: Sink) {
    super();
    this.sink = sink;
  }

  put(octet: i32): void {
    if (octet == 10) this.endLine();
    else if (octet != 13 && this.line.length <= LINE_LIMIT) this.line.push(octet);
  }

  end(): void {
    this.endLine();
    this.sink.end();
  }

  private endLine(): void {
    const line = this.line;
    let left = line.length == 0 ? 0 : (line[0] - 0x20) & 63;
    // `end` is no line of data, whatever its length would be.
    if (line.length > 0 && line[0] > 0x60) left = 0;
    for (let at = 1; left > 0; at += 4) {
      const bits =
        (this.six(at) << 18) | (this.six(at + 1) << 12) | (this.six(at + 2) << 6) | this.six(at + 3);
      for (let shift = 16; shift >= 0 && left > 0; shift -= 8, left--) this.sink.put((bits >> shift) & 0xff);
    }
    this.line.length = 0;
  }

  private six(at: i32): i32 {
    return at < this.line.length ? (this.line[at] - 0x20) & 63 : 0;
  }
}
