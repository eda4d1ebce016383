import type { ByteSource } from '../base/bytes.ts';
import type { SyncByteSource } from '../base/spool.ts';
import { isSpace, trimSpace } from './text.ts';

/**
 * The header of a message or MIME part as byte ranges (RFC 5322 section 2.2), found without copying a field.
 *
 * A field is a name of printable ASCII, a colon (white space before it is tolerated), and a value that goes on over
 * every following line that starts with a space or tab. The header ends at the empty line, or before the first line that is
 * neither a field nor a continuation ("junk"), as MTAs do it: that line is body. Lines end with LF; a CR before it
 * belongs to the line end.
 *
 * Bounds: 1 MiB and 10,000 fields. Past either the header ends after the last whole field inside the bound, `ending` says
 * `limit`, and the rest counts as body: what a filter would not see must not pass as seen, so a gate should refuse it.
 */
export const HEADER_LIMIT = 1024 * 1024;
export const FIELD_LIMIT = 10_000;

/** Offsets in the message. */
export interface HeaderField {
  /** Where the name starts. */
  readonly start: number;
  readonly nameEnd: number;
  /** After the colon. */
  readonly valueStart: number;
  /** Before the line end of the last line: the value is `valueStart` to here. */
  readonly valueEnd: number;
  /** After the line end of the last line. */
  readonly end: number;
}

/** Why the header ended: at the empty line, before a line that is no field, at the end of the octets, or at a bound. */
export type HeaderEnding = 'emptyLine' | 'junk' | 'end' | 'limit';

export interface HeaderOptions {
  /** Where the header starts in the message. Default 0. */
  readonly offset?: number;
  /** More octets follow those given. Default false. */
  readonly more?: boolean;
}

const LF = 10;
const CR = 13;
const SPACE = 32;
const COLON = 58;

export class HeaderIndex {
  readonly fields: readonly HeaderField[];
  /** After the last field: where an added field goes. */
  readonly end: number;
  /** After the empty line, where there is one; else the same as `end`. */
  readonly bodyStart: number;
  readonly ending: HeaderEnding;
  readonly #bytes: Buffer;
  readonly #offset: number;
  #byName: Map<string, number[]> | undefined;

  constructor(bytes: Uint8Array, found: HeaderScan & { offset: number }) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#offset = found.offset;
    this.fields = found.fields;
    this.end = found.end;
    this.bodyStart = found.bodyStart;
    this.ending = found.ending;
  }

  /** Indexes of the fields of that name, case ignored, top to bottom. */
  named(name: string): readonly number[] {
    this.#byName ??= this.#collectNames();
    return this.#byName.get(name.toLowerCase()) ?? [];
  }

  /** Index of the `nth` (from 0) field of that name, case ignored. */
  find(name: string, nth = 0): number | undefined {
    return this.named(name)[nth];
  }

  /** The name as written; undefined if there is no such field. */
  name(index: number): string | undefined {
    const field = this.fields[index];
    return field && this.#text(field.start, field.nameEnd);
  }

  /**
   * The value unfolded (RFC 5322 section 2.2.3) and trimmed, one character an octet, as it may be in any charset.
   * Undefined if there is no such field.
   */
  value(index: number): string | undefined {
    const field = this.fields[index];
    if (field === undefined) return undefined;
    const raw = this.#text(field.valueStart, field.valueEnd);
    return trimSpace(raw.includes('\n') ? raw.replace(/\r?\n/g, '') : raw);
  }

  /** The same as octets. */
  valueBytes(index: number): Uint8Array | undefined {
    const value = this.value(index);
    return value === undefined ? undefined : Buffer.from(value, 'latin1');
  }

  /** Value of the first field of that name, as `value` gives it. */
  first(name: string): string | undefined {
    const index = this.find(name);
    return index === undefined ? undefined : this.value(index);
  }

  /** Octets of the header, without the empty line. A view: copy it if the octets it was made from will change. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.end - this.#offset);
  }

  #text(start: number, end: number): string {
    return this.#bytes.toString('latin1', start - this.#offset, end - this.#offset);
  }

  #collectNames(): Map<string, number[]> {
    const byName = new Map<string, number[]>();
    for (const [index, field] of this.fields.entries()) {
      const name = this.#text(field.start, field.nameEnd).toLowerCase();
      const known = byName.get(name);
      if (known === undefined) byName.set(name, [index]);
      else known.push(index);
    }
    return byName;
  }
}

/** Indexes a header in octets at hand. Refers to them: they must not change while the index is used. */
export function indexHeader(bytes: Uint8Array, options: HeaderOptions = {}): HeaderIndex {
  const offset = options.offset ?? 0;
  const bounded = bytes.length > HEADER_LIMIT ? bytes.subarray(0, HEADER_LIMIT) : bytes;
  const more = options.more === true || bounded.length < bytes.length;
  return new HeaderIndex(bounded, { ...scanHeader(bounded, { offset, more }), offset });
}

/** Reads as much of a message as its header needs, and indexes it. */
export function readHeader(source: SyncByteSource): HeaderIndex {
  for (let size = FIRST_READ; ; size *= 8) {
    const bytes = new Uint8Array(Math.min(size, source.size, HEADER_LIMIT));
    const length = source.readInto(bytes, 0);
    const index = indexHeader(bytes.subarray(0, length), { more: length < source.size });
    if (index.ending !== 'limit' || size >= HEADER_LIMIT || index.fields.length === FIELD_LIMIT) return index;
  }
}

/**
 * The same, asynchronously. The last octet of a message is not read unless the header needs it: who reads it has begun to send
 * (`delivery/final-gate.ts`).
 */
export async function readHeaderOf(message: ByteSource): Promise<HeaderIndex> {
  const index = async (length: number): Promise<HeaderIndex> => {
    const octets = await message.read(0, length);
    return indexHeader(octets, { more: octets.length < message.size });
  };
  const first = await index(Math.min(FIRST_READ, Math.max(0, message.size - 1)));
  return first.ending === 'limit' ? index(HEADER_LIMIT) : first;
}

/** Most headers are smaller; the next try reads more. */
const FIRST_READ = 16 * 1024;

interface HeaderScan {
  readonly fields: readonly HeaderField[];
  readonly end: number;
  readonly bodyStart: number;
  readonly ending: HeaderEnding;
}

function scanHeader(bytes: Uint8Array, options: Required<HeaderOptions>): HeaderScan {
  const { offset, more } = options;
  const fields: HeaderField[] = [];
  let position = 0;
  const stop = (ending: HeaderEnding, bodyStart = position): HeaderScan => ({
    fields,
    end: offset + position,
    bodyStart: offset + bodyStart,
    ending,
  });

  for (;;) {
    if (position === bytes.length) return stop(more ? 'limit' : 'end');
    const first = bytes[position];
    if (first === LF) return stop('emptyLine', position + 1);
    if (first === CR && position + 1 === bytes.length && more) return stop('limit');
    if (first === CR && bytes[position + 1] === LF) return stop('emptyLine', position + 2);
    if (fields.length === FIELD_LIMIT) return stop('limit');

    const nameEnd = endOfName(bytes, position);
    const colon = skipSpace(bytes, nameEnd);
    if (colon === bytes.length && more) return stop('limit');
    if (nameEnd === position || bytes[colon] !== COLON) return stop('junk');
    const end = endOfField(bytes, colon + 1);
    // The line after the last one at hand might continue the field.
    if (end === bytes.length && more) return stop('limit');
    fields.push({
      start: offset + position,
      nameEnd: offset + nameEnd,
      valueStart: offset + colon + 1,
      valueEnd: offset + beforeLineEnd(bytes, { start: colon + 1, end }),
      end: offset + end,
    });
    position = end;
  }
}

function endOfName(bytes: Uint8Array, start: number): number {
  let i = start;
  for (let byte = bytes[i]; byte !== undefined && byte > SPACE && byte < 127 && byte !== COLON;) {
    byte = bytes[++i];
  }
  return i;
}

function skipSpace(bytes: Uint8Array, start: number): number {
  let i = start;
  while (isSpace(bytes[i])) i++;
  return i;
}

function endOfField(bytes: Uint8Array, start: number): number {
  for (let i = start; ;) {
    const lineFeed = bytes.indexOf(LF, i);
    if (lineFeed === -1) return bytes.length;
    i = lineFeed + 1;
    if (!isSpace(bytes[i])) return i;
  }
}

function beforeLineEnd(bytes: Uint8Array, range: { start: number; end: number }): number {
  let { end } = range;
  if (end > range.start && bytes[end - 1] === LF) end--;
  if (end > range.start && bytes[end - 1] === CR) end--;
  return end;
}
