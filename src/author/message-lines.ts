import { createHash } from 'node:crypto';
import { openSpool, spoolOf, type SyncByteSource } from '../base/spool.ts';
import { decodeCharset, decodeUnlabelled } from '../mail/charset.ts';
import { indexMime, type MimePart } from '../mail/mime-index.ts';
import { PartReader } from '../mail/part-reader.ts';

/**
 * A message as lines that a person can read and compare: as it is, except that the text of an encoded part is decoded, and what is
 * no text is one line that names its type, size and SHA-256.
 */
export function messageLines(message: Uint8Array): string[] {
  const source = openSpool(spoolOf(message).handle);
  const { parts } = indexMime(source);
  const parents = new Set(parts.map(({ parent }) => parent));
  let text = '';
  let position = 0;
  const asItIs = (end: number): void => {
    text += decodeUnlabelled(message.subarray(position, end));
    position = end;
  };
  for (const part of parts) {
    const body = parents.has(part.index) ? undefined : readableBody(part, source);
    if (body === undefined) continue;
    asItIs(part.offset + part.headerSize);
    text += body;
    position += part.size;
  }
  asItIs(message.length);
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** Undefined where the body reads well as it is. */
function readableBody(part: MimePart, source: SyncByteSource): string | undefined {
  const isEncoded = ['base64', 'quoted-printable'].includes(part.encoding);
  const isText = part.type.startsWith('text/');
  if (part.size === 0 || (isText && !isEncoded)) return undefined;
  const octets = decodedBody(part, source);
  if (isText) return decodeCharset(octets, part.charset === '' ? 'utf-8' : part.charset);
  if (!isEncoded && !octets.some(isUnprintable)) return undefined;
  const name = part.name === '' ? '' : ` ${JSON.stringify(part.name)}`;
  const digest = createHash('sha256').update(octets).digest('hex').slice(0, 16);
  return `[${part.type}${name}, ${octets.length} octets, sha256 ${digest}…]`;
}

function decodedBody(part: MimePart, source: SyncByteSource): Uint8Array {
  // Decoding makes nothing longer.
  const octets = new Uint8Array(part.size);
  return octets.subarray(0, new PartReader(source, part).readInto(octets, 0));
}

/** Neither printable, nor a tab, nor part of a line end; what is beyond ASCII may be text of some charset. */
const isUnprintable = (octet: number): boolean =>
  (octet < 32 && octet !== 9 && octet !== 10 && octet !== 13) || octet === 127;
