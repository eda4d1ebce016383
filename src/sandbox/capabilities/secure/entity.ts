import { octetSource } from '../../../base/spool.ts';
import { parseFieldParams, tokenParam, type FieldParams } from '../../../mail/field-params.ts';
import { indexHeader } from '../../../mail/header-index.ts';
import { indexMime, type MimePart } from '../../../mail/mime-index.ts';
import { createDecoder } from '../../../mail/part-decoder.ts';

/** A MIME entity at hand: fields, empty line, body; CRLF lines. */
export interface Entity {
  readonly octets: Buffer<ArrayBuffer>;
  readonly type: FieldParams;
  /** Content-Transfer-Encoding in lower case. */
  readonly encoding: string;
  readonly body: Buffer<ArrayBuffer>;
}

export function entityOf(octets: Buffer<ArrayBuffer>): Entity {
  const header = indexHeader(octets);
  return {
    octets,
    type: parseFieldParams(header.first('Content-Type') ?? ''),
    encoding: (header.first('Content-Transfer-Encoding') ?? '7bit').toLowerCase(),
    body: octets.subarray(header.bodyStart),
  };
}

export const paramOf = (entity: Entity, name: string): string => tokenParam(entity.type, name).toLowerCase();

/** The body with its encoding undone. */
export const decodedBody = ({ body, encoding }: Entity): Uint8Array<ArrayBuffer> =>
  new Uint8Array(createDecoder(encoding).decode(body, true));

/**
 * The parts of a multipart that is these two and nothing else (RFC 1847), each as it stands: what is signed are these octets. What else a
 * reader might show nobody has signed, so it is a fault; all but a notice before the first part to readers that don't know MIME, which
 * many programs write.
 */
export function twoParts(
  entity: Entity,
): { readonly parts: readonly [Entity, Entity] } | { readonly fault: string } {
  const { octets } = entity;
  const { parts, complete } = indexMime(octetSource(octets));
  const [first, second, ...others] = parts.filter(({ parent }) => parent === 0);
  if (!complete || parts[0]!.ambiguous === true || second?.ambiguous === true)
    return { fault: 'it can be taken apart in several ways' };
  if (first === undefined || second === undefined || others.length > 0)
    return { fault: 'it has other parts than what is signed and the signature' };
  const boundary = `--${tokenParam(entity.type, 'boundary').trimEnd()}`;
  const before = octets.toString('latin1', parts[0]!.headerSize, first.offset);
  const preamble = before.slice(0, before.lastIndexOf(boundary));
  if (preamble.length > NOTICE_LIMIT || !preamble.split('\r\n').every((line) => NOTICE_LINE.test(line)))
    return { fault: 'something stands before what is signed' };
  const after = octets.subarray(second.offset + second.headerSize + second.size);
  const closing = `\r\n${boundary}--`;
  if (after.toString('latin1', 0, closing.length) !== closing) return { fault: 'its end is missing' };
  if (!after.subarray(closing.length).every((octet) => WHITE.has(octet)))
    return { fault: 'something stands behind the signature' };
  const at = ({ offset, headerSize, size }: MimePart): Entity =>
    entityOf(octets.subarray(offset, offset + headerSize + size));
  return { parts: [at(first), at(second)] };
}

/** Octets; the longest that are known have about 200. */
const NOTICE_LIMIT = 500;
/** No HTML, and nothing that could be a delimiter. */
const NOTICE_LINE = /^(?!-)[\t -;=-~\u0080-\u00ff]*$/;
const WHITE = new Set(Buffer.from(' \t\r\n'));

/** RFC 1847: `protocol` and `micalg` of a multipart/signed, `protocol` of a multipart/encrypted. Random, so that it is in neither part. */
export function multipart(
  subtype: string,
  { params, parts }: { params: string; parts: readonly [Uint8Array, Uint8Array] },
): Buffer<ArrayBuffer> {
  const boundary = `postern-${crypto.randomUUID()}`;
  const [first, second] = parts;
  return Buffer.concat([
    Buffer.from(
      `Content-Type: multipart/${subtype}; ${params};\r\n\tboundary="${boundary}"\r\n\r\n--${boundary}\r\n`,
    ),
    first,
    Buffer.from(`\r\n--${boundary}\r\n`),
    second,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

const LINE_END = /\r\n|\r|\n/g;

/** What was decrypted, as lines that end in CRLF: whoever encrypted it may have had others. */
export function withLineEnds(octets: Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  if (hasWholeLineEnds(octets)) return octets;
  return Buffer.from(octets.toString('latin1').replaceAll(LINE_END, '\r\n'), 'latin1');
}

function hasWholeLineEnds(octets: Buffer): boolean {
  for (let at = 0; at < octets.length; at++) {
    if (octets[at] === LF) return false;
    if (octets[at] === CR && octets[++at] !== LF) return false;
  }
  return true;
}

const CR = 13;
const LF = 10;
