const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;
const CRLF = Buffer.from('\r\n');
const EMPTY = Buffer.alloc(0);

/** A line longer than this, in octets, is an attack on whoever must hold it, not mail. */
export const MAX_DATA_LINE = 1024 * 1024;

/** Why a message can't be taken, most telling first: of several faults the first in this list is told. */
const DATA_FAULTS = ['nul', 'bareLf', 'bareCr', 'line', 'size'] as const;
export type DataFault = (typeof DATA_FAULTS)[number];

export interface DataOptions {
  /**
   * How the message comes: after DATA (`dots`), in chunks of BDAT (`chunks`), or in chunks and with a body that is no text
   * (`binary`, RFC 3030 section 3).
   */
  readonly framing: 'dots' | 'chunks' | 'binary';
  /** Octets after dot-unstuffing (RFC 1870 section 5). */
  readonly maxSize: number;
  /** `repair`: a bare CR or LF becomes CRLF. A NUL is refused either way. */
  readonly lineEndings: 'refuse' | 'repair';
}

/** What came of one chunk. */
export interface DataStep {
  /** Octets to store; absent if there are none, or if the message will be refused. */
  readonly content?: Buffer;
  /** Octets of the chunk that belonged to the message and its end. */
  readonly consumed: number;
  readonly ended: boolean;
}

/**
 * Takes the octets after DATA: undoes dot-stuffing (RFC 5321 section 4.5.2), finds the end, and lets through nothing but
 * CRLF lines. Only a dot alone between two real CRLFs ends the message; a dot next to a bare CR or LF, repaired or not,
 * is content. Where other servers disagreed about that, mail could be smuggled.
 *
 * In chunks no dot means anything, and it is for `end` to say that no more follow; lines go over the ends of chunks. Where the body is
 * binary, the same holds up to the first empty line, and everything after it is let through as it is.
 *
 * After a fault the rest is still read, by the same rules, so that the session goes on where the client thinks it does.
 * The result is the same however the octets are cut into chunks. One `indexOf` a line, no loop over octets.
 */
export class DataReader {
  readonly #options: DataOptions;
  readonly #faults = new Set<DataFault>();
  /** Octets whose meaning the next chunk decides: CR, or a dot at the start of a line, or that dot and CR. */
  #carry: Buffer = EMPTY;
  #lineStart = true;
  /** The line before ended with a real CRLF: a dot may now end the message. */
  #afterCrlf = true;
  #lineLength = 0;
  #longestLine = 0;
  /** The header of a message with a binary body is over. */
  #inBinary = false;
  #size = 0;

  constructor(options: DataOptions) {
    this.#options = options;
  }

  /** Octets of content so far. */
  get size(): number {
    return this.#size;
  }

  /** Octets of the longest line so far, without its end. */
  get longestLine(): number {
    return this.#longestLine;
  }

  get fault(): DataFault | undefined {
    return this.#faults.size === 0 ? undefined : DATA_FAULTS.find((fault) => this.#faults.has(fault));
  }

  feed(chunk: Buffer): DataStep {
    const carried = this.#carry.length;
    const data = carried === 0 ? chunk : Buffer.concat([this.#carry, chunk]);
    const pieces: Buffer[] = [];
    const { position: scanned, kept, ended } = this.#inBinary ? UNSEEN : this.#scan(data, pieces);
    const nul = data.subarray(0, scanned).indexOf(0);
    if (nul >= 0) this.#faults.add('nul');
    const position = this.#inBinary ? data.length : scanned;
    this.#carry = ended || position === data.length ? EMPTY : Buffer.from(data.subarray(position));
    const end = ended ? position - 3 : position;
    if (end > kept) pieces.push(data.subarray(kept, end));
    const consumed = ended ? position - carried : chunk.length;
    const content = this.#admit(pieces);
    return content === undefined ? { consumed, ended } : { content, consumed, ended };
  }

  /** No more chunks follow. What is left to store: a text ends with a line end. */
  end(): Buffer | undefined {
    if (this.#carry.length > 0 && this.#options.lineEndings === 'refuse') this.#faults.add('bareCr');
    const open = this.#carry.length > 0 || this.#lineLength > 0;
    return open && !this.#inBinary ? this.#admit([CRLF]) : undefined;
  }

  /**
   * Goes over whole lines from the start of `data`. Gives where it stopped, what from `kept` on is content that is not
   * among the pieces yet, and whether the end was found (it is then the three octets before `position`).
   */
  #scan(data: Buffer, pieces: Buffer[]): { position: number; kept: number; ended: boolean } {
    const { length } = data;
    const repair = this.#options.lineEndings === 'repair';
    const dots = this.#options.framing === 'dots';
    let position = 0;
    let kept = 0;
    // The next of each; both only move forward, or a body of CRs alone would be searched again for every octet.
    let cr = -1;
    let lf = -1;
    while (position < length && !this.#inBinary) {
      if (dots && this.#lineStart && data[position] === DOT) {
        const second = data[position + 1];
        if (second === undefined || (second === CR && position + 2 === length)) break;
        if (second === CR && data[position + 2] === LF && this.#afterCrlf) {
          return { position: position + 3, kept, ended: true };
        }
        if (second !== CR && second !== LF) {
          if (position > kept) pieces.push(data.subarray(kept, position));
          position += 1;
          kept = position;
        }
      }
      if (cr < position) cr = indexOrEnd(data, CR, position);
      if (lf < position) lf = indexOrEnd(data, LF, position);
      if (lf === cr + 1 && lf < length) {
        this.#endLine(cr - position);
        this.#afterCrlf = true;
        position = lf + 1;
        continue;
      }
      const first = Math.min(cr, lf);
      if (first >= length - 1 && lf >= length) {
        // No line end, or a CR that may yet become one.
        this.#lineLength += first - position;
        this.#lineStart = this.#lineStart && first === position;
        this.#checkLine();
        position = first;
        break;
      }
      if (!repair) this.#faults.add(first === lf ? 'bareLf' : 'bareCr');
      this.#endLine(first - position);
      this.#afterCrlf = false;
      if (repair) {
        pieces.push(data.subarray(kept, first), CRLF);
        kept = first + 1;
      } else {
        this.#lineStart = false;
      }
      position = first + 1;
    }
    return { position, kept, ended: false };
  }

  #endLine(length: number): void {
    this.#lineLength += length;
    this.#checkLine();
    // Not after a fault. That it is too large shows with the chunk, and so must not matter here.
    const isSound = this.#faults.size === Number(this.#faults.has('size'));
    this.#inBinary = this.#options.framing === 'binary' && this.#lineLength === 0 && isSound;
    this.#lineLength = 0;
    this.#lineStart = true;
  }

  #checkLine(): void {
    if (this.#lineLength > this.#longestLine) this.#longestLine = this.#lineLength;
    if (this.#lineLength > MAX_DATA_LINE) this.#faults.add('line');
  }

  #admit(pieces: Buffer[]): Buffer | undefined {
    if (this.#faults.size > 0 || pieces.length === 0) return undefined;
    const content = pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
    this.#size += content.length;
    if (this.#size <= this.#options.maxSize) return content;
    this.#faults.add('size');
    return undefined;
  }
}

/** Nothing to look at: all is content. */
const UNSEEN = { position: 0, kept: 0, ended: false };

function indexOrEnd(data: Buffer, octet: number, from: number): number {
  const index = data.indexOf(octet, from);
  return index < 0 ? data.length : index;
}
