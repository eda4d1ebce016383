const CR = 0x0d;
const LF = 0x0a;
const EMPTY = Buffer.alloc(0);

/** A command line without its line end, or what is wrong with it. */
export type CommandLine =
  { readonly kind: 'line'; readonly octets: Buffer } | { readonly kind: 'fault'; readonly fault: LineFault };

/** `control`: a CR, LF or NUL that is not part of the line end. `length`: more octets than allowed. */
export type LineFault = 'control' | 'length';

export interface LineOptions {
  /** Octets of a line, CRLF included (RFC 5321 section 4.5.3.1.4). */
  readonly maxLength: number;
  /** `repair`: a bare LF ends a line too. */
  readonly lineEndings: 'refuse' | 'repair';
}

/**
 * Cuts what a client sends into command lines. A line ends with CRLF and nothing else (RFC 5321 section 2.3.8): what
 * stands between a bare LF and the next CRLF is one line for the hop before us, so it must never be a command here.
 *
 * A fault is told once, as soon as it is seen, so that a client that knows only LF does not wait for ever; the rest of
 * the line is dropped. The result is the same however the octets are cut into chunks.
 */
export class LineReader {
  readonly #options: LineOptions;
  #partial = EMPTY;
  #dropping = false;
  #last = 0;

  constructor(options: LineOptions) {
    this.#options = options;
  }

  /** Takes at most one line from the front of `chunk`; without `line`, more octets are needed. */
  next(chunk: Buffer): { line?: CommandLine; consumed: number } {
    const lf = chunk.indexOf(LF);
    const consumed = lf < 0 ? chunk.length : lf + 1;
    if (this.#dropping) {
      this.#drop(chunk, lf);
      return { consumed };
    }
    const piece = chunk.subarray(0, consumed);
    const octets = this.#partial.length === 0 ? piece : Buffer.concat([this.#partial, piece]);
    const ended = lf >= 0 && (this.#options.lineEndings === 'repair' || octets.at(-2) === CR);
    const content = ended ? octets.subarray(0, octets.at(-2) === CR ? -2 : -1) : octets;
    const fault = this.#faultOf(content, { ended, length: octets.length });
    this.#partial = EMPTY;
    if (fault !== undefined) {
      this.#dropping = !ended;
      this.#last = octets.at(-1) ?? 0;
      return { line: { kind: 'fault', fault }, consumed };
    }
    if (ended) return { line: { kind: 'line', octets: content }, consumed };
    // Kept past this chunk's life: a copy, so that a short line does not hold a large chunk.
    this.#partial = Buffer.from(octets);
    return { consumed };
  }

  /** Octets of a line that has not ended yet. */
  get pending(): number {
    return this.#partial.length;
  }

  #drop(chunk: Buffer, lf: number): void {
    const before = lf > 0 ? chunk[lf - 1] : this.#last;
    if (lf >= 0 && (before === CR || this.#options.lineEndings === 'repair')) this.#dropping = false;
    this.#last = lf >= 0 ? LF : (chunk.at(-1) ?? this.#last);
  }

  #faultOf(content: Buffer, line: { ended: boolean; length: number }): LineFault | undefined {
    const { maxLength } = this.#options;
    let at = content.indexOf(0);
    const lf = content.indexOf(LF);
    if (lf >= 0 && (at < 0 || lf < at)) at = lf;
    const cr = content.indexOf(CR);
    // A CR at the end of what has come so far may yet be followed by its LF.
    const open = !line.ended && cr === content.length - 1;
    if (cr >= 0 && !open && (at < 0 || cr < at)) at = cr;
    if (at >= 0 && at < maxLength) return 'control';
    return line.length > maxLength ? 'length' : undefined;
  }
}
