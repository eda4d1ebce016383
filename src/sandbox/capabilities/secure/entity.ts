import { octetSource } from '../../../base/spool.ts';
import { parseFieldParams, tokenParam, type FieldParams } from '../../../mail/field-params.ts';
import { indexHeader } from '../../../mail/header-index.ts';
import { indexMime } from '../../../mail/mime-index.ts';
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

/** The parts of a multipart that has just these two, each as it stands: what RFC 1847 signs are these octets. */
export function twoParts(entity: Entity): readonly [Entity, Entity] | undefined {
  const { parts, complete } = indexMime(octetSource(entity.octets));
  const inner = parts.filter(({ parent }) => parent === 0);
  const [first, second] = inner;
  if (!complete || parts[0]?.ambiguous === true || inner.length !== 2 || !first || !second) return undefined;
  const at = (part: typeof first) =>
    entityOf(entity.octets.subarray(part.offset, part.offset + part.headerSize + part.size));
  return [at(first), at(second)];
}

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
