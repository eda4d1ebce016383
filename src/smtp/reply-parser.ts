/**
 * Reads SMTP replies (RFC 5321 section 4.2) out of a byte stream, however it is cut into segments.
 *
 * Strict where a mistake could shift replies against commands: the code is 200 to 599, every line of a reply has
 * the same one, the fourth octet is a space, a hyphen or nothing. Liberal where nothing hangs on it: the text may be
 * missing, a bare LF ends a line too (a bare CR never does). Limits: 2048 octets a line, 100 lines a reply.
 */
const REPLY_LINE_LIMIT = 2048;
const REPLY_LINES_LIMIT = 100;
/** Text lines that `toReply` keeps. EHLO is read from the raw reply. */
const TEXT_LINES_KEPT = 10;

/** A reply as it came: one string a line, without the code, control characters made spaces. */
export interface RawReply {
  readonly code: number;
  readonly lines: readonly string[];
}

/** One complete reply, or what is wrong with the stream (`nonsense`, fit to be shown); undefined: more is needed. */
export type Parsed = { readonly reply: RawReply } | { readonly nonsense: string } | undefined;

const LF = 10;

export class ReplyParser {
  #buffer: Buffer = Buffer.alloc(0);
  #lines: string[] = [];
  #code = 0;

  /** True if nothing is left over: the stream stands between two replies. */
  get empty(): boolean {
    return this.#buffer.length === 0 && this.#lines.length === 0;
  }

  /** Adds octets. Take the replies out with `next` before the next segment: that bounds the memory. */
  push(octets: Buffer): void {
    this.#buffer = this.#buffer.length === 0 ? octets : Buffer.concat([this.#buffer, octets]);
  }

  /** The next reply. After `nonsense` the stream can't be trusted any more. */
  next(): Parsed {
    for (;;) {
      const end = this.#buffer.indexOf(LF);
      const length = end === -1 ? this.#buffer.length : end;
      if (length > REPLY_LINE_LIMIT) return { nonsense: `a line of more than ${REPLY_LINE_LIMIT} octets` };
      if (end === -1) return undefined;
      const line = this.#buffer.toString('utf8', 0, end).replace(/\r$/, '');
      this.#buffer = this.#buffer.subarray(end + 1);
      const result = this.#line(line);
      if (result !== undefined) return result;
    }
  }

  #line(line: string): Parsed {
    const match = /^([2-5]\d\d)(?:([ -])(.*))?$/s.exec(line);
    if (match === null) return { nonsense: quoted(line) };
    const code = Number(match[1]);
    if (this.#lines.length > 0 && code !== this.#code) {
      return { nonsense: `${code} within a reply of ${this.#code}` };
    }
    this.#code = code;
    this.#lines.push(cleaned(match[3] ?? ''));
    if (match[2] === '-') {
      if (this.#lines.length < REPLY_LINES_LIMIT) return undefined;
      return { nonsense: `a reply of more than ${REPLY_LINES_LIMIT} lines` };
    }
    const lines = this.#lines;
    this.#lines = [];
    return { reply: { code, lines } };
  }
}

/**
 * A raw reply as a value: the enhanced status code (RFC 2034) taken out of the text if its class is that of the
 * code, else left in the text; at most 10 lines.
 */
export function toReply(raw: RawReply): { code: number; enhanced?: string; lines: string[] } {
  const lines = raw.lines.slice(0, TEXT_LINES_KEPT);
  const enhanced = /^[245]\.\d{1,3}\.\d{1,3}(?= |$)/.exec(lines[0] ?? '')?.[0];
  if (enhanced === undefined || enhanced[0] !== String(raw.code)[0]) return { code: raw.code, lines };
  // RFC 2034 section 4: every line of a reply repeats the code.
  const text = lines.map((line) =>
    line === enhanced || line.startsWith(`${enhanced} `) ? line.slice(enhanced.length).trim() : line,
  );
  return { code: raw.code, enhanced, lines: text };
}

/** Control characters, those of the C1 set too, become spaces: no text can forge a line. */
function cleaned(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ').trim();
}

/** Enough of a line to recognise what answered there: often it is not an SMTP server at all. */
function quoted(line: string): string {
  const text = cleaned(line);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
