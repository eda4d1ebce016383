import { decodeCharset, decodeUnlabelled } from './charset.ts';
import { decodeWords } from './encoded-word.ts';

/**
 * The value of a structured field with parameters: Content-Type, Content-Disposition (RFC 2045 section 5.1, RFC 2183).
 * Tolerant as mail clients are: unquoted values may hold spaces, a quote may stay open, stray semicolons are skipped.
 * Of a parameter given twice the first one counts.
 */
export interface FieldParams {
  /** Before the first semicolon, comments removed, lower case. */
  readonly value: string;
  /** Names in lower case; values unquoted, one character an octet, RFC 2231 not undone. */
  readonly params: ReadonlyMap<string, RawParam>;
  /** All in the order given, those given twice included. */
  readonly given: readonly (readonly [name: string, value: RawParam])[];
}

interface RawParam {
  readonly text: string;
  readonly quoted: boolean;
}

/** Reads an unfolded value given one character an octet, as `HeaderIndex.value` does. */
export function parseFieldParams(field: string): FieldParams {
  const params = new Map<string, RawParam>();
  const given: (readonly [string, RawParam])[] = [];
  let position = until(field, { from: 0, stops: ';' });
  const value = dropComments(field.slice(0, position)).trim().toLowerCase();
  while (position < field.length) {
    const nameStart = position + 1;
    position = until(field, { from: nameStart, stops: ';=' });
    if (field[position] !== '=') continue;
    const name = dropComments(field.slice(nameStart, position)).trim().toLowerCase();
    const valueStart = skipSpace(field, position + 1);
    const quoted = field[valueStart] === '"';
    const read = quoted ? readQuoted(field, valueStart + 1) : readBare(field, valueStart);
    const param = { text: read.text, quoted };
    given.push([name, param]);
    if (!params.has(name)) params.set(name, param);
    position = read.end;
  }
  return { value, params, given };
}

/** A parameter that has to be a token or an exact string: charset, boundary. '' if absent. */
export function tokenParam(field: FieldParams, name: string): string {
  const param = field.params.get(name);
  if (param === undefined) return '';
  // What follows a space in an unquoted token is a comment or a forgotten semicolon.
  return param.quoted ? param.text : (/^[^\s(]*/.exec(param.text)?.[0] ?? '');
}

/** A parameter that people read: a file name. RFC 2231 (continuations, charset) and RFC 2047 are undone. '' if absent. */
export function textParam(field: FieldParams, name: string): string {
  const extended = field.params.get(`${name}*`);
  if (extended !== undefined) return decodeExtended([{ text: extended.text, encoded: true }]);
  const segments: Segment[] = [];
  for (;;) {
    const plain = field.params.get(`${name}*${segments.length}`);
    const encoded = field.params.get(`${name}*${segments.length}*`);
    if (plain === undefined && encoded === undefined) break;
    segments.push({ text: (encoded ?? plain)!.text, encoded: encoded !== undefined });
  }
  if (segments.length > 0) return decodeExtended(segments);
  return decodeWords(field.params.get(name)?.text ?? '');
}

interface Segment {
  readonly text: string;
  readonly encoded: boolean;
}

/** RFC 2231 sections 3 and 4: `charset'language'text`, the text percent-encoded, in one or several segments. */
export function decodeExtended(segments: readonly Segment[]): string {
  let charset = '';
  let octets = '';
  for (const [index, { text, encoded }] of segments.entries()) {
    let rest = text;
    const label = index === 0 && encoded ? /^([^']*)'[^']*'/.exec(text) : null;
    if (label !== null) {
      charset = label[1]!;
      rest = text.slice(label[0].length);
    }
    octets += encoded ? percentDecode(rest) : rest;
  }
  const bytes = Buffer.from(octets, 'latin1');
  return charset === '' ? decodeUnlabelled(bytes) : decodeCharset(bytes, charset);
}

function percentDecode(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function until(text: string, range: { from: number; stops: string }): number {
  let i = range.from;
  while (i < text.length && !range.stops.includes(text[i]!)) i++;
  return i;
}

function skipSpace(text: string, from: number): number {
  let i = from;
  while (text[i] === ' ' || text[i] === '\t') i++;
  return i;
}

function readBare(text: string, from: number): { text: string; end: number } {
  const end = until(text, { from, stops: ';' });
  return { text: text.slice(from, end).trim(), end };
}

function readQuoted(text: string, from: number): { text: string; end: number } {
  let result = '';
  let i = from;
  for (; i < text.length && text[i] !== '"'; i++) {
    if (text[i] === '\\' && i + 1 < text.length) i++;
    result += text[i];
  }
  return { text: result, end: until(text, { from: i, stops: ';' }) };
}

/** Comments nest (RFC 5322 section 3.2.2); one that stays open goes to the end. */
function dropComments(text: string): string {
  if (!text.includes('(')) return text;
  let result = '';
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '\\' && depth > 0) i++;
    else if (char === '(') depth++;
    else if (char === ')' && depth > 0) depth--;
    else if (depth === 0) result += char;
  }
  return result;
}
