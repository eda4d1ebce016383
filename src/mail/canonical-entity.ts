import type { SyncByteSource } from '../base/spool.ts';
import { indexHeader, readHeader } from './header-index.ts';
import { holdsMessage, indexMime, type MimePart } from './mime-index.ts';
import { createDecoder } from './part-decoder.ts';
import { encodeBinary, encodeText } from './transfer-encoding.ts';

/**
 * What is signed or encrypted of a message (RFC 8551 section 3.1, RFC 3156 section 3): its content as a MIME entity, which is its Content
 * fields and its body, in a form that no relay has a reason to change: seven bits, CRLF lines of at most 990 octets, without white space at
 * their ends and without "From " at their beginnings. Parts that are not so are encoded anew; the others, and all boundaries, stay
 * as they are. What has no encoding by the rules (the header of a part beyond ASCII, a multipart that can't be taken apart) stays too.
 *
 * Costs the message in memory, twice.
 */
export function canonicalEntity(message: SyncByteSource): Buffer {
  const octets = readAll(message);
  const { parts } = indexMime(message);
  const header = readHeader(message);
  const fields = header.fields.flatMap(({ start, end }, index) =>
    /^content-/i.test(header.name(index)!) ? [octets.toString('latin1', start, end)] : [],
  );
  const hasType = header.find('Content-Type') !== undefined;
  const own = hasType ? fields : ['Content-Type: text/plain; charset=us-ascii\r\n', ...fields];
  const [top] = parts;
  return Buffer.concat(new Canonical(octets, parts).part(top!, ensureLineEnd(own.join(''))));
}

/** All octets of a source. */
export function readAll(source: SyncByteSource): Buffer<ArrayBuffer> {
  const octets = Buffer.alloc(source.size);
  for (let done = 0; done < octets.length;) {
    const length = source.readInto(octets.subarray(done), done);
    if (length === 0) throw new Error(`Cannot read the message: it ends before octet ${octets.length}`);
    done += length;
  }
  return octets;
}

const ENCODED = new Set(['base64', 'quoted-printable']);
const CRLF = Buffer.from('\r\n');
const LINE_LIMIT = 990;
/** Octets of a text that nobody reads as it is in the message, so that base64 is as good. */
const READABLE = 1024 * 1024;

class Canonical {
  readonly #octets: Buffer;
  readonly #parts: readonly MimePart[];

  constructor(octets: Buffer, parts: readonly MimePart[]) {
    this.#octets = octets;
    this.#parts = parts;
  }

  /** The part with these fields, or with its own. */
  part(part: MimePart, fields = this.#fieldsOf(part)): Buffer[] {
    const inner = this.#parts.filter(({ parent }) => parent === part.index);
    const start = part.offset + part.headerSize;
    const end = start + part.size;
    if (inner.length === 0) return this.#leaf(part, fields);
    const pieces = [headerOf(fields, ENCODED.has(part.encoding) ? part.encoding : '7bit')];
    let position = start;
    for (const one of inner) {
      pieces.push(between(this.#octets.subarray(position, one.offset)), ...this.part(one));
      position = one.offset + one.headerSize + one.size;
    }
    pieces.push(between(this.#octets.subarray(position, end)));
    return pieces;
  }

  #leaf(part: MimePart, fields: string): Buffer[] {
    const start = part.offset + part.headerSize;
    const body = this.#octets.subarray(start, start + part.size);
    const isOpaque = part.type.startsWith('multipart/') || holdsMessage(part.type);
    if (isRobust(body) || isOpaque) {
      const encoding = isRobust(body) && !ENCODED.has(part.encoding) ? '7bit' : part.encoding;
      return [headerOf(fields, encoding), body];
    }
    const plain = createDecoder(part.encoding).decode(body, true);
    const isText = part.type.startsWith('text/') && plain.length <= READABLE && !plain.includes(0);
    const text = isText ? encodeText(plain) : undefined;
    const { encoding, bytes } = text !== undefined && isRobust(text.bytes) ? text : encodeBinary(plain);
    return [headerOf(fields, encoding), Buffer.from(bytes)];
  }

  #fieldsOf({ offset, headerSize }: MimePart): string {
    const header = this.#octets.subarray(offset, offset + headerSize);
    const { end } = indexHeader(header);
    return ensureLineEnd(header.toString('latin1', 0, end).replace(/[ \t]+(?=\r\n)/g, ''));
  }
}

const ensureLineEnd = (fields: string): string =>
  fields === '' || fields.endsWith('\r\n') ? fields : `${fields}\r\n`;

const ENCODING = 'content-transfer-encoding';

/** The fields with that Content-Transfer-Encoding, and the empty line. */
function headerOf(fields: string, encoding: string): Buffer {
  const header = indexHeader(Buffer.from(fields, 'latin1'));
  const said = header.named(ENCODING).map((index) => header.value(index)?.toLowerCase());
  if (said.length === 0 ? encoding === '7bit' : said.length === 1 && said[0] === encoding) {
    return Buffer.from(`${fields}\r\n`, 'latin1');
  }
  const others = header.fields
    .filter((_, index) => header.name(index)?.toLowerCase() !== ENCODING)
    .map(({ start, end }) => fields.slice(start, end));
  return Buffer.from(`${others.join('')}Content-Transfer-Encoding: ${encoding}\r\n\r\n`, 'latin1');
}

/** Delimiters, and what stands before the first and after the last, which nobody reads. */
function between(octets: Buffer): Buffer {
  if (isRobust(octets)) return octets;
  const text = octets
    .toString('latin1')
    .replaceAll(/[^\t\r\n -~]/g, '?')
    .replaceAll(/[ \t]+(?=\r\n|$)/g, '')
    .replaceAll(/^From /gm, '>From ')
    .replaceAll(/[^\r\n]{991,}/g, (line) => line.replaceAll(/.{76}/g, '$&\r\n'));
  return Buffer.from(text, 'latin1');
}

const FROM = Buffer.from('From ');

/** Whether no relay has a reason to change it. */
function isRobust(octets: Uint8Array): boolean {
  let lineStart = 0;
  const whole = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength);
  for (;;) {
    const found = whole.indexOf(CRLF, lineStart);
    const end = found < 0 ? whole.length : found;
    if (end - lineStart > LINE_LIMIT) return false;
    if (end > lineStart && (whole[end - 1] === 32 || whole[end - 1] === 9)) return false;
    if (whole[lineStart] === 70 && whole.subarray(lineStart, lineStart + 5).equals(FROM)) return false;
    for (let at = lineStart; at < end; at++) {
      const octet = whole[at]!;
      if ((octet < 32 && octet !== 9) || octet > 126) return false;
    }
    if (found < 0) return true;
    lineStart = found + 2;
  }
}
