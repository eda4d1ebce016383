import { isAscii } from './address.ts';
import type { SyncByteSource } from '../base/spool.ts';
import { composeField, removeField } from './header-edit.ts';
import { HEADER_LIMIT, indexHeader, type HeaderIndex } from './header-index.ts';
import { isProblem, type Problem, type Splice } from './image.ts';
import { holdsMessage, type MimePart } from './mime-index.ts';
import { encodeBinary, encodeText } from './transfer-encoding.ts';

/**
 * Puts another part in the place of one, whole: header and body. The new part has a Content-Type and, unless it is short
 * plain ASCII, a Content-Transfer-Encoding. `text/*` gets CRLF line ends and quoted-printable or base64, whichever is
 * shorter; any other type is kept octet for octet, in base64.
 *
 * A part that is a message (part 0, or the one inside a `message/rfc822` or `message/global`) keeps its header, but for its Content-* fields, and
 * gains MIME-Version if it had none.
 */
export interface PartReplacement {
  /** Index in `parts`. */
  readonly index: number;
  /** `text/plain; charset=utf-8`. Not `multipart/*` or `message/*`: those can't be encoded. */
  readonly type: string;
  /** In the charset that `type` names. */
  readonly content: Uint8Array;
}

/** What `replacePart` looks into: a message and its MIME index. */
export interface PartsOf {
  readonly source: SyncByteSource;
  readonly parts: readonly MimePart[];
}

/** The splices that replace a part, or why it cannot be replaced. */
export function replacePart(message: PartsOf, replacement: PartReplacement): Splice[] | Problem {
  const part = message.parts[replacement.index];
  if (part === undefined) {
    const count = message.parts.length;
    return {
      problem: `Cannot replace part ${replacement.index}: the message has ${count}, counted from 0`,
    };
  }
  const composed = composePart(replacement);
  if (isProblem(composed)) return composed;
  const isMessage = part.parent === -1 || holdsMessage(message.parts[part.parent]!.type);
  return isMessage
    ? replaceMessageBody(message.source, { part, composed })
    : [replaceWhole(message.source, { part, composed })];
}

interface ComposedPart {
  /** Content-Type and Content-Transfer-Encoding, with their CRLFs. */
  readonly fields: Uint8Array;
  readonly body: Uint8Array;
}

interface Replacing {
  readonly part: MimePart;
  readonly composed: ComposedPart;
}

const TYPE = /^([\w!#$&^.+-]+)\/[\w!#$&^.+-]+(?:\s*;|$)/;
const CRLF = Buffer.from('\r\n');

function composePart({ type, content }: PartReplacement): ComposedPart | Problem {
  const kind = TYPE.exec(type)?.[1]?.toLowerCase();
  if (kind === undefined || !isAscii(type)) {
    return { problem: `Cannot replace a part: ${JSON.stringify(type.slice(0, 100))} is no media type` };
  }
  if (kind === 'multipart' || kind === 'message') {
    return {
      problem: `Cannot replace a part by one of type ${kind}/*: only types that can be encoded are allowed`,
    };
  }
  const contentType = composeField({ name: 'Content-Type', value: type }, { smtputf8: false });
  if (isProblem(contentType)) return contentType;
  const { encoding, bytes } = kind === 'text' ? encodeText(content) : encodeBinary(content);
  const transfer = encoding === '7bit' ? '' : `Content-Transfer-Encoding: ${encoding}\r\n`;
  return { fields: Buffer.concat([contentType, Buffer.from(transfer)]), body: bytes };
}

function replaceWhole(source: SyncByteSource, { part, composed }: Replacing): Splice {
  const remove = part.headerSize + part.size;
  // A delimiter right after another one has no line end of its own for the new part to end at.
  const end = part.offset + remove;
  const tail = end === source.size || isLineEnd(source, end) ? Buffer.alloc(0) : CRLF;
  return {
    offset: part.offset,
    remove,
    bytes: Buffer.concat([composed.fields, CRLF, composed.body, tail]),
  };
}

function isLineEnd(source: SyncByteSource, offset: number): boolean {
  const octets = new Uint8Array(2);
  source.readInto(octets, offset);
  return octets[0] === 10 || (octets[0] === 13 && octets[1] === 10);
}

function replaceMessageBody(source: SyncByteSource, { part, composed }: Replacing): Splice[] {
  const bodyStart = part.offset + part.headerSize;
  const header = headerOf(source, part);
  const splices: Splice[] = [];
  for (const index of header.fields.keys()) {
    if (!/^content-/i.test(header.name(index)!)) continue;
    const removal = removeField(header, index);
    if (!isProblem(removal)) splices.push(removal);
  }
  const version = header.find('MIME-Version') === undefined ? 'MIME-Version: 1.0\r\n' : '';
  const cut = header.bytes.length > 0 && header.bytes.at(-1) !== 10 ? '\r\n' : '';
  splices.push({
    offset: header.end,
    remove: 0,
    bytes: Buffer.concat([Buffer.from(cut + version), composed.fields]),
  });
  // Part 0 ends the message, and a message ends with a line end; any other ends before the one of a delimiter.
  const body = part.parent === -1 ? endedByLineEnd(composed.body) : composed.body;
  const empty = header.ending === 'emptyLine' ? [] : [CRLF];
  splices.push({ offset: bodyStart, remove: part.size, bytes: Buffer.concat([...empty, body]) });
  return splices;
}

function endedByLineEnd(body: Uint8Array): Uint8Array {
  return body.length === 0 || body.at(-1) === 10 ? body : Buffer.concat([body, CRLF]);
}

/** A part's own header. */
export function headerOf(source: SyncByteSource, part: MimePart): HeaderIndex {
  const bytes = new Uint8Array(Math.min(part.headerSize, HEADER_LIMIT));
  const length = source.readInto(bytes, part.offset);
  return indexHeader(bytes.subarray(0, length), { offset: part.offset });
}
