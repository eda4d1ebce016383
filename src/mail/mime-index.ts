import type { SyncByteSource } from '../base/spool.ts';
import { claimedNames, claimsOtherBoundary } from './claims.ts';
import { parseFieldParams, tokenParam, type FieldParams } from './field-params.ts';
import { HEADER_LIMIT, FIELD_LIMIT, indexHeader, type HeaderIndex } from './header-index.ts';
import { isSpace } from './text.ts';
import { Window } from './window.ts';

/**
 * The MIME parts of a message as byte ranges (RFC 2045, RFC 2046), found in one pass front to back with one window of 64 KiB
 * in memory.
 *
 * A delimiter is a whole line of `--`, the boundary, perhaps `--`, perhaps white space; the innermost open multipart
 * with that boundary takes it, and it ends every part inside. The line end before it belongs to it. A line that goes on behind a
 * boundary delimits the multipart with the longest such boundary, too, as for readers that stop there (RFC 2046 section 5.1.1); to others it
 * is text, so that multipart is `ambiguous`. A multipart without
 * a boundary parameter, or whose boundary never comes, has no parts below it; where its body has lines that may be delimiters of
 * another boundary, it is `ambiguous`. After its closing delimiter a multipart has
 * no further parts. Of several Content-Type fields the first counts; one that cannot be read means `text/plain`
 * (RFC 2045 section 5.2), in a digest `message/rfc822` (RFC 2046 section 5.1.5).
 *
 * Bounds: depth 32, 1,000 parts, boundaries of 998 octets. Past one of them `complete` is false, and what would be further parts
 * belongs to the last part that was made: nothing is hidden, but it is not taken apart.
 */
export const MIME_DEPTH_LIMIT = 32;
export const MIME_PART_LIMIT = 1000;
const BOUNDARY_LIMIT = 998;
/** A line that could be a delimiter to all: boundary, dashes, and some padding. */
const DELIMITER_LINE_LIMIT = 2048;

/** Part facts as `sdk/ABI.md` gives them to plugins. */
export interface MimePart {
  readonly index: number;
  /** -1 for part 0, the message itself. */
  readonly parent: number;
  readonly depth: number;
  /** `type/subtype` in lower case. */
  readonly type: string;
  /** Lower case; '' if not given. */
  readonly charset: string;
  /** File name, decoded; '' if not given. */
  readonly name: string;
  /** Every name that some reader may find in its header, `name` first; empty if there is none. */
  readonly names: readonly string[];
  /** `attachment`, `inline` …; '' if not given. */
  readonly disposition: string;
  /** Content-Transfer-Encoding in lower case; `7bit` if not given. */
  readonly encoding: string;
  /** Where the part's header begins in the message. */
  readonly offset: number;
  /** Octets of its header with the empty line. */
  readonly headerSize: number;
  /** Octets of its body as encoded. */
  readonly size: number;
  /** True if readers may disagree about its header, its type, its encoding, its delimiters or its names; else absent. */
  readonly ambiguous?: boolean;
}

export interface MimeIndex {
  /** In document order; part 0 is the message itself. Never empty. */
  readonly parts: readonly MimePart[];
  /** False if a bound was met. */
  readonly complete: boolean;
}

/** Takes a message apart. Throws only if the source cannot be read. */
export function indexMime(source: SyncByteSource): MimeIndex {
  return new MimeScanner(source).run();
}

/** RFC 2046 section 5.2.1: a message inside a message can only be looked into if it is not encoded. */
const IDENTITY = new Set(['7bit', '8bit', 'binary']);

const isIdentity = (encoding: string): boolean => IDENTITY.has(encoding);

interface OpenMultipart {
  readonly part: number;
  readonly boundary: string;
  readonly defaultType: string;
}

interface Delimiter {
  /** Which of the open multiparts. */
  readonly level: number;
  readonly closing: boolean;
  /** Of the line. */
  readonly start: number;
  readonly end: number;
}

type Draft = { -readonly [Key in keyof MimePart]: MimePart[Key] };

class MimeScanner {
  readonly #window: Window;
  readonly #parts: Draft[] = [];
  /** Parts whose end is not known yet, outermost first. */
  readonly #unfinished: Draft[] = [];
  /** Multiparts whose delimiters are looked for, outermost first. */
  #open: OpenMultipart[] = [];
  /** Boundary → its place in `#open`, and the octets that boundaries begin with. */
  readonly #levels = new Map<string, number>();
  readonly #firstOctets = new Uint8Array(256);
  /** Whether `#nextDelimiter` passed a line that begins with two dashes and is none. */
  #passedDashes = false;
  #complete = true;

  constructor(source: SyncByteSource) {
    this.#window = new Window(source);
  }

  run(): MimeIndex {
    let position = this.#begin({ offset: 0, parent: -1, defaultType: 'text/plain' });
    while (this.#open.length > 0) {
      const innermost = this.#open.length - 1;
      const delimiter = this.#nextDelimiter(position);
      // Without a part below it, it had no delimiter before; readers that find another boundary in the field have other parts.
      const last = this.#parts.at(-1)!;
      const isUndelimited = this.#open[innermost]!.part === last.index && delimiter?.level !== innermost;
      if (isUndelimited && this.#passedDashes) last.ambiguous = true;
      if (delimiter === undefined) break;
      const { part, defaultType } = this.#open[delimiter.level]!;
      if (!delimiter.closing && this.#parts.length === MIME_PART_LIMIT) {
        this.#complete = false;
        break;
      }
      this.#finishInside(this.#parts[part], this.#beforeLineEnd(delimiter.start));
      this.#setOpen(this.#open.slice(0, delimiter.closing ? delimiter.level : delimiter.level + 1));
      position = delimiter.closing
        ? delimiter.end
        : this.#begin({ offset: delimiter.end, parent: part, defaultType });
    }
    this.#finishInside(undefined, this.#window.size);
    return { parts: this.#parts, complete: this.#complete };
  }

  /** Adds a part and, if it is a message, the one inside it; returns where to look for the next delimiter. */
  #begin(place: { offset: number; parent: number; defaultType: string }): number {
    const header = this.#readHeader(place.offset);
    const { facts, boundary } = describe(header, place.defaultType);
    // Readers that skip the line go on to fields that are body here.
    if (header.ending === 'junk' && !this.#isDelimiter(header.bodyStart)) facts.ambiguous = true;
    const index = this.#parts.length;
    const depth = place.parent === -1 ? 0 : this.#parts[place.parent]!.depth + 1;
    const { offset, parent } = place;
    const part: Draft = {
      index,
      parent,
      depth,
      ...facts,
      offset,
      headerSize: header.bodyStart - offset,
      size: 0,
    };
    this.#parts.push(part);
    this.#unfinished.push(part);
    if (header.ending === 'limit') this.#complete = false;

    const isMessage = holdsMessage(part.type) && isIdentity(part.encoding);
    const isMultipart = part.type.startsWith('multipart/') && boundary !== '';
    if (!isMessage && !isMultipart) return header.bodyStart;
    if (
      depth === MIME_DEPTH_LIMIT ||
      boundary.length > BOUNDARY_LIMIT ||
      this.#parts.length === MIME_PART_LIMIT
    ) {
      this.#complete = false;
      return header.bodyStart;
    }
    if (isMessage) return this.#begin({ offset: header.bodyStart, parent: index, defaultType: 'text/plain' });
    const defaultType = part.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
    this.#setOpen([...this.#open, { part: index, boundary, defaultType }]);
    return header.bodyStart;
  }

  /** All parts inside `part` (all of them if undefined) end at `end`. */
  #finishInside(part: Draft | undefined, end: number): void {
    while (this.#unfinished.at(-1) !== part) {
      const inner = this.#unfinished.pop()!;
      // A delimiter right after the header takes the header's last line end, or even lies before the part.
      inner.headerSize = Math.max(0, Math.min(inner.headerSize, end - inner.offset));
      inner.size = Math.max(0, end - inner.offset - inner.headerSize);
    }
  }

  #readHeader(offset: number): HeaderIndex {
    for (let size = 4096; ; size *= 8) {
      const wanted = Math.min(size, HEADER_LIMIT);
      const bytes = this.#window.bytes(offset, wanted);
      const index = indexHeader(bytes, { offset, more: offset + bytes.length < this.#window.size });
      // A boundary with a colon in it makes a delimiter look like a header field.
      const delimiter = index.fields.find(({ start, end }) =>
        this.#match(bytes, { start: start - offset, end: end - offset }),
      );
      if (delimiter !== undefined)
        return indexHeader(bytes.subarray(0, delimiter.start - offset), { offset });
      if (index.ending !== 'limit' || wanted === HEADER_LIMIT || index.fields.length === FIELD_LIMIT) {
        return index;
      }
    }
  }

  /** `from` is at the start of a line. */
  #nextDelimiter(from: number): Delimiter | undefined {
    this.#passedDashes = false;
    // A message may be all dashes, so the lines of a window are looked at in place, without a call for each.
    for (let position = from, atLineStart = true; position < this.#window.size;) {
      const rest = this.#window.rest(position, DELIMITER_LINE_LIMIT);
      const last = position + rest.length === this.#window.size;
      let at: number = atLineStart ? 0 : lineStartWithDashes(rest, 0);
      for (; at !== -1; at = lineStartWithDashes(rest, at)) {
        if (!last && rest.length - at < DELIMITER_LINE_LIMIT) break;
        if (rest[at] !== DASH || rest[at + 1] !== DASH) continue;
        if (this.#firstOctets[rest[at + 2] ?? 0] !== 1) {
          this.#passedDashes = true;
          continue;
        }
        const lineFeed = rest.indexOf(10, at);
        const end = lineFeed === -1 ? rest.length : lineFeed + 1;
        const found =
          end - at < DELIMITER_LINE_LIMIT
            ? this.#match(rest, { start: at, end })
            : this.#matchBegin(rest.toString('latin1', at + 2, at + 2 + BOUNDARY_LIMIT));
        const start = position + at;
        if (found !== undefined) return { ...found, start, end: this.#endOfLine(start) };
        this.#passedDashes = true;
      }
      if (last) return undefined;
      // Go on at the line that this window has too little of, or at what may be the line end before one.
      atLineStart = at !== -1;
      position += atLineStart ? at : rest.length - LINE_END_AND_DASHES.length + 1;
    }
    return undefined;
  }

  /** Which open multipart the line delimits. */
  #match(
    octets: Buffer,
    line: { start: number; end: number },
  ): { level: number; closing: boolean } | undefined {
    const { start } = line;
    if (octets[start] !== DASH || octets[start + 1] !== DASH) return undefined;
    let { end } = line;
    while (
      end > start + 2 &&
      (octets[end - 1] === 10 || octets[end - 1] === 13 || isSpace(octets[end - 1]))
    ) {
      end--;
    }
    const text = octets.toString('latin1', start + 2, end);
    const opening = this.#levels.get(text) ?? -1;
    const closing = text.endsWith('--') ? (this.#levels.get(text.slice(0, -2)) ?? -1) : -1;
    if (opening === -1 && closing === -1) return this.#matchBegin(text);
    return { level: Math.max(opening, closing), closing: closing > opening };
  }

  /** The same of a line that goes on behind a boundary: what follows it is to be seen, whether it closes or not. */
  #matchBegin(text: string): { level: number; closing: boolean } | undefined {
    let found = -1;
    for (const [level, { boundary }] of this.#open.entries()) {
      if (boundary.length >= (this.#open[found]?.boundary.length ?? 0) && text.startsWith(boundary))
        found = level;
    }
    if (found === -1) return undefined;
    this.#parts[this.#open[found]!.part]!.ambiguous = true;
    return { level: found, closing: false };
  }

  #endOfLine(position: number): number {
    for (let at = position; at < this.#window.size;) {
      const rest = this.#window.rest(at, 1);
      const lineFeed = rest.indexOf(10);
      if (lineFeed !== -1) return at + lineFeed + 1;
      at += rest.length;
    }
    return this.#window.size;
  }

  #isDelimiter(position: number): boolean {
    const octets = this.#window.bytes(position, DELIMITER_LINE_LIMIT);
    const lineFeed = octets.indexOf(10);
    return (
      this.#match(octets, { start: 0, end: lineFeed === -1 ? octets.length : lineFeed + 1 }) !== undefined
    );
  }

  #setOpen(open: OpenMultipart[]): void {
    this.#open = open;
    this.#firstOctets.fill(0);
    this.#levels.clear();
    for (const [level, { boundary }] of open.entries()) {
      this.#firstOctets[boundary.charCodeAt(0)] = 1;
      this.#levels.set(boundary, level); // of two alike, the inner one
    }
  }

  #beforeLineEnd(position: number): number {
    const before = this.#window.bytes(Math.max(0, position - 2), Math.min(2, position));
    if (before.at(-1) !== 10) return position;
    return before.length === 2 && before[0] === 13 ? position - 2 : position - 1;
  }
}

const DASH = 45;
const LINE_END_AND_DASHES = Buffer.from('\n--');

/** The next line after `from` that starts with two dashes; -1 if there is none. */
function lineStartWithDashes(octets: Buffer, from: number): number {
  const found = octets.indexOf(LINE_END_AND_DASHES, from);
  return found === -1 ? -1 : found + 1;
}

/** The types whose body is a message (RFC 2046 section 5.2.1, RFC 6532 section 3.7). */
export const holdsMessage = (type: string): boolean => type === 'message/rfc822' || type === 'message/global';

type HeaderFacts = Pick<
  Draft,
  'type' | 'charset' | 'name' | 'names' | 'disposition' | 'encoding' | 'ambiguous'
>;

/** More names than that are no names; the header is made to mislead. */
const NAME_LIMIT = 20;

function describe(header: HeaderIndex, defaultType: string): { facts: HeaderFacts; boundary: string } {
  const contentType = fieldParams(header, 'Content-Type');
  const disposition = fieldParams(header, 'Content-Disposition');
  const given = header.find('Content-Type') !== undefined;
  const read = TYPE.exec(contentType.value)?.[0];
  const type = read ?? (given ? 'text/plain' : defaultType);
  const encoding = firstWord(fieldParams(header, 'Content-Transfer-Encoding').value) || '7bit';
  const boundary = type.startsWith('multipart/') ? tokenParam(contentType, 'boundary').trimEnd() : '';
  const names = namesOf(header);
  const ambiguous =
    names.length > NAME_LIMIT ||
    differ(header, 'Content-Type') ||
    differ(header, 'Content-Transfer-Encoding') ||
    (read === undefined && MISLEADING.test(contentType.value)) ||
    // RFC 2045 section 6.4 forbids it; there are readers that decode it, and then find parts.
    (MULTIPLE.test(type) && !REPORT.test(type) && !isIdentity(encoding)) ||
    (type.startsWith('multipart/') &&
      (boundary === '' || claimsOtherBoundary(header.first('Content-Type') ?? '', boundary)));
  const facts: HeaderFacts = {
    type,
    charset: tokenParam(contentType, 'charset').toLowerCase(),
    name: names[0] ?? '',
    names: names.slice(0, NAME_LIMIT),
    disposition: firstWord(disposition.value),
    encoding,
    ...(ambiguous && { ambiguous }),
  };
  return { facts, boundary };
}

/** Of tokens (RFC 2045 section 5.1), the second of any octets beyond ASCII, too; behind them a semicolon may have been forgotten. */
const TYPE = /^[!#$%&'*+.0-9A-Z^_`a-z{|}~-]+\/[!#$%&'*+.0-9A-Z^_`a-z{|}~\u0080-\u00ff-]+(?=[ \t]|$)/;
/** A value that is no type, and no more one that was misspelled: it names a type that holds parts, or has what some readers undo. */
const MISLEADING = /multipart|message|[^!#$%&'*+.0-9A-Z^_`a-z{|}~-]/;
const MULTIPLE = /^(?:multipart|message)\//;
/** What may be encoded and holds no message (RFC 6522, RFC 6533, RFC 5965). */
const REPORT =
  /^message\/(?:(?:global-)?(?:delivery-status|disposition-notification|headers)|feedback-report)$/;

function namesOf(header: HeaderIndex): string[] {
  const names = new Set<string>();
  const sources = [
    ['Content-Disposition', 'filename'],
    ['Content-Type', 'name'],
  ] as const;
  for (const [field, parameter] of sources) {
    for (const index of header.named(field)) {
      for (const name of claimedNames(header.value(index) ?? '', parameter)) names.add(name);
      if (names.size > NAME_LIMIT) return [...names];
    }
  }
  return [...names];
}

/** Whether there are two fields of that name that don't say the same. */
function differ(header: HeaderIndex, name: string): boolean {
  const [first, ...others] = header.named(name);
  return first !== undefined && others.some((index) => header.value(index) !== header.value(first));
}

const fieldParams = (header: HeaderIndex, name: string): FieldParams =>
  parseFieldParams(header.first(name) ?? '');
const firstWord = (text: string): string => /^\S*/.exec(text)?.[0] ?? '';
