import { foldCase, Message } from '../../../sdk/assemblyscript';
import { Delimits, Header, readHeader } from './header';
import { latin1 } from '../../../sdk/assemblyscript/text/octets';
import { Lines, Section } from './section';

/** As the host's: past them the rest belongs to the last part, and the message is left as it is. */
const DEPTH_LIMIT: i32 = 32;
const PART_LIMIT: i32 = 1000;
/** A line that could be a delimiter. */
const DELIMITER_LIMIT: i32 = 2048;
/** How far from the start of a multipart its first delimiter is looked for. */
const PREAMBLE_LIMIT: i32 = 64 * 1024;
const CHUNK: i32 = 64 * 1024;

/**
 * Takes the message apart in one pass, as the host does (sdk/ABI.md, "Reading"), but forgiving: a multipart whose boundary parameter is
 * missing, or names a boundary that never comes, gets the one that its body has, and a line that goes on behind a boundary is a delimiter.
 * What is written from this reading is read alike by all.
 */
export class Scan implements Delimits {
  sections: Section[] = [];
  /** False if a limit was met. */
  complete: bool = true;
  private size: i32 = Message.size();
  /** Multiparts whose delimiters are looked for, outermost first. */
  private open: Section[] = [];
  /** Sections whose end is not known yet, outermost first. */
  private unfinished: Section[] = [];
  private buffer: Uint8Array = new Uint8Array(CHUNK);
  private bufferStart: i32 = 0;
  private bufferEnd: i32 = 0;
  private sealed: StaticArray<bool>;

  private mends: bool;

  /** `seals`: whether signatures by `smime`, `pgp` and `dkim` are minded. `mends`: another boundary may be taken than is named. */
  constructor(seals: StaticArray<bool>, mends: bool) {
    this.sealed = seals;
    this.mends = mends;
    let at = this.begin(0, null, 'text/plain', true);
    let lines = this.sections[this.sections.length - 1].lines;
    while (at < this.size) {
      const end = this.lineFrom(at, lines);
      let level = NONE;
      if (this.open.length > 0 && this.isDashed(at)) {
        level = this.levelOf(this.line(at, end));
        if (level == NONE) level = this.tailedLevel(at, end);
      }
      if (level == NONE) {
        at = end;
        continue;
      }
      const section = this.open[level >> 1];
      if (section.firstDelimiter == 0) section.firstDelimiter = at;
      if ((level & 1) == 0 && this.sections.length >= PART_LIMIT) {
        this.complete = false;
        break;
      }
      this.finishInside(section, at);
      if ((level & 1) == 1) {
        section.isClosed = true;
        section.epilogueStart = end;
        lines = section.epilogue;
        this.open.length = level >> 1;
        at = end;
      } else {
        this.open.length = (level >> 1) + 1;
        const fallback = section.type == 'multipart/digest' ? 'message/rfc822' : 'text/plain';
        at = this.begin(end, section, fallback, false);
        lines = this.sections[this.sections.length - 1].lines;
      }
    }
    this.finishInside(null, this.size);
  }

  delimits(line: string): bool {
    return this.levelOf(line) != NONE || (this.mends && this.beginOf(line) != NONE);
  }

  /** Adds a section and, if it is a message, the one inside it; gives where its body begins. */
  private begin(offset: i32, parent: Section | null, fallback: string, isMessage: bool): i32 {
    const section = new Section(readHeader(offset, this), fallback);
    section.index = this.sections.length;
    section.parent = parent;
    section.start = offset;
    section.isMessage = isMessage;
    if (parent !== null) {
      section.depth = parent.depth + 1;
      section.isSealed = parent.isSealed;
    }
    section.isSealed = section.isSealed || this.isSealedBy(section);
    if (!section.header.complete) this.complete = false;
    this.sections.push(section);
    this.unfinished.push(section);
    if (!section.isMultipart && !section.holdsMessage) return section.bodyStart;
    if (section.depth == DEPTH_LIMIT || this.sections.length >= PART_LIMIT) {
      this.complete = false;
      section.isEmpty = true;
      return section.bodyStart;
    }
    if (section.holdsMessage) return this.begin(section.bodyStart, section, 'text/plain', true);
    this.findBoundary(section);
    if (!section.isEmpty) this.open.push(section);
    return section.bodyStart;
  }

  private isSealedBy(section: Section): bool {
    const type = section.type;
    const protocol = foldCase(section.header.value('content-type'));
    const pgp = protocol.includes('pgp');
    if (type == 'multipart/signed' || type == 'multipart/encrypted') return this.sealed[pgp ? 1 : 0];
    if (type == 'application/pkcs7-mime' || type == 'application/x-pkcs7-mime') return this.sealed[0];
    return this.sealed[2] && section.isMessage && section.header.find('dkim-signature') !== null;
  }

  /** Holds the boundary parameter to what comes; else takes the first line that looks like a delimiter. */
  private findBoundary(section: Section): void {
    const end = min(this.size, section.bodyStart + PREAMBLE_LIMIT);
    const mends = this.mends && !section.isSealed;
    let candidate = '';
    const nowhere = new Lines();
    for (let at = section.bodyStart; at < end;) {
      const next = this.lineFrom(at, nowhere);
      if (this.isDashed(at)) {
        const line = this.line(at, next);
        if (section.boundary.length > 0 && delimiterOf(line, section.boundary) >= 0) return;
        if (this.levelOf(line) != NONE) break;
        if (candidate.length == 0 && mends && this.looksLikeDelimiter(line, next))
          candidate = line.substring(2);
      }
      at = next;
    }
    // It may still come, after a preamble that is a book.
    if (candidate.length == 0 && section.boundary.length > 0 && end < this.size) return;
    if (candidate.length == 0) section.isEmpty = true;
    else section.boundaryFound = true;
    section.boundary = candidate;
  }

  /** `--`, 1 to 70 characters that a boundary may have, and a header after it. */
  private looksLikeDelimiter(line: string, next: i32): bool {
    if (line.length < 3 || line.length > 72) return false;
    let plain = 0;
    for (let i = 2; i < line.length; i++) {
      const unit = line.charCodeAt(i);
      if (isAlphanumeric(unit)) plain++;
      else if (!"'()+_,-./:=?".includes(line.charAt(i))) return false;
    }
    if (plain == 0) return false;
    const header = readHeader(next, this);
    for (let i = 0; i < header.fields.length; i++) {
      if (header.fields[i].name.startsWith('content-')) return true;
    }
    return false;
  }

  /** The open multipart that the line delimits, doubled, and one more if it closes it. */
  private levelOf(line: string): i32 {
    for (let level = this.open.length - 1; level >= 0; level--) {
      const kind = delimiterOf(line, this.open[level].boundary);
      if (kind >= 0) return level * 2 + kind;
    }
    return NONE;
  }

  /** The open multipart with the longest boundary that the line begins with. */
  private beginOf(line: string): i32 {
    let found = NONE;
    for (let level = 0; level < this.open.length; level++) {
      const boundary = this.open[level].boundary;
      if (!line.startsWith('--' + boundary)) continue;
      if (found == NONE || boundary.length >= this.open[found].boundary.length) found = level;
    }
    return found;
  }

  /** As `levelOf`, of a line that goes on behind the boundary: what stands there is noted, and is to go. */
  private tailedLevel(at: i32, end: i32): i32 {
    const line = this.line(at, min(end, at + DELIMITER_LIMIT));
    const found = this.beginOf(line);
    if (found == NONE) return NONE;
    const section = this.open[found];
    const isSealed = this.unfinished[this.unfinished.length - 1].isSealed;
    if (!this.mends || isSealed) {
      section.keepsTail = true;
      return NONE;
    }
    const length = 2 + section.boundary.length;
    const kind = line.substring(length).startsWith('--') ? 1 : 0;
    section.tails.push(at + length + kind * 2);
    section.tails.push(end);
    return found * 2 + kind;
  }

  /** All sections inside `section` end before the delimiter at `at`; all of them if it is null. */
  private finishInside(section: Section | null, at: i32): void {
    while (this.unfinished.length > 0) {
      const inner = this.unfinished[this.unfinished.length - 1];
      if (inner === section) return;
      this.unfinished.pop();
      // The line end before a delimiter belongs to it.
      const end = section === null ? at : at - 2;
      inner.bodyEnd = max(inner.bodyStart, end);
      inner.closeAt = at;
      inner.endsMessage = section === null;
    }
  }

  /** The offset after the line that begins at `at`, which is told to `lines`. */
  private lineFrom(at: i32, lines: Lines): i32 {
    let length = 0;
    let position = at;
    this.load(at, DELIMITER_LIMIT);
    if (this.octet(at) == 0x62 && this.startsWith(at, 'begin ')) lines.hasBegin = true;
    if (this.octet(at) == 0x2d && this.startsWith(at, '--=_')) lines.hasOwnBoundary = true;
    let ended = false;
    while (!ended && position < this.size) {
      this.load(position, 1);
      const from = this.buffer.dataStart + (position - this.bufferStart);
      const until = this.buffer.dataStart + (this.bufferEnd - this.bufferStart);
      let pointer = from;
      let high: u32 = 0;
      while (pointer < until && !ended) {
        const octet: u32 = load<u8>(pointer++);
        high |= octet;
        ended = octet == 10;
      }
      if (high >= 0x80) lines.hasHigh = true;
      length += <i32>(pointer - from);
      position += <i32>(pointer - from);
    }
    lines.longest = max(lines.longest, length - (ended ? 2 : 0));
    return position;
  }

  private line(at: i32, end: i32): string {
    if (end - at > DELIMITER_LIMIT) return '';
    this.load(at, end - at);
    return latin1(this.buffer, at - this.bufferStart, end - this.bufferStart).trimEnd();
  }

  private isDashed(at: i32): bool {
    this.load(at, 2);
    return this.octet(at) == 0x2d && this.octet(at + 1) == 0x2d;
  }

  private startsWith(at: i32, text: string): bool {
    for (let i = 0; i < text.length; i++) {
      if (this.octet(at + i) != text.charCodeAt(i)) return false;
    }
    return true;
  }

  private octet(at: i32): i32 {
    return at < this.bufferEnd ? this.buffer[at - this.bufferStart] : -1;
  }

  /** Has so many octets at hand, fewer at the end. */
  private load(at: i32, count: i32): void {
    if (at >= this.bufferStart && min(this.size, at + count) <= this.bufferEnd) return;
    this.bufferStart = at;
    this.bufferEnd = at + Message.read(at, this.buffer);
  }
}

const NONE: i32 = -1;

/** 0 if the line is a delimiter of that boundary, 1 if it is the closing one, else -1. */
function delimiterOf(line: string, boundary: string): i32 {
  if (line.length < 2 + boundary.length || !line.startsWith('--')) return -1;
  if (line.substring(2) == boundary) return 0;
  return line.substring(2) == boundary + '--' ? 1 : -1;
}

function isAlphanumeric(unit: i32): bool {
  const letter = unit | 0x20;
  return (unit >= 0x30 && unit <= 0x39) || (letter >= 0x61 && letter <= 0x7a);
}
