import { octetSource, type SyncByteSource } from '../../../base/spool.ts';
import { canonicalEntity, readAll } from '../../../mail/canonical-entity.ts';
import { authorAddress } from '../../../mail/author.ts';
import { readHeader } from '../../../mail/header-index.ts';
import type { Cipher } from './enveloped.ts';
import { entityOf, withLineEnds } from './entity.ts';
import type { Format, Layer } from './layers.ts';

/** Signs and encrypts messages, and opens them, by one of the formats. */
const DEPTH_LIMIT = 4;

/** The message's content as an entity, signed, then encrypted. */
export async function protect(
  message: SyncByteSource,
  options: { format: Format; sign: boolean; to: readonly string[]; cipher: Cipher },
): Promise<Buffer> {
  const { format, sign, to, cipher } = options;
  let entity: Buffer<ArrayBuffer> = Buffer.from(canonicalEntity(message));
  if (sign) entity = await format.sign(entity);
  return to.length === 0 ? entity : format.encrypt(entity, { to, cipher });
}

export interface OpenedMessage {
  /** From the outside in; empty if the message is not of this format. */
  readonly layers: readonly Layer[];
  /** The content without what could be taken off; absent if that is nothing. */
  readonly entity?: Buffer;
}

/**
 * Takes wrappings off, outermost first. Only a message that is as a whole encrypted is opened, never a part of it beside others
 * (EFAIL, direct exfiltration). What was encrypted in CBC could have been changed by anybody on the way, which leaves garbage (EFAIL, gadgets): it is
 * given out only if it is pure ASCII text, as S/MIME has it by RFC 8551 section 3.1.2, or if a good signature covers it. Else, and if
 * anything else fails, nothing of it is given out.
 */
export async function open(message: SyncByteSource, format: Format): Promise<OpenedMessage> {
  const from = authorAddress(readHeader(message));
  const layers: Layer[] = [];
  const original = entityOf(readAll(message));
  let entity = original;
  /** How many layers there were when something was opened that others could have changed; a signature must be inside that. */
  let unproven = -1;
  while (layers.length < DEPTH_LIMIT) {
    const unwrapped = await format.unwrap(entity, { from });
    if (unwrapped === undefined) break;
    const { layer, inner, authenticated = true, beside = [] } = unwrapped;
    layers.push(layer, ...beside);
    if (inner === undefined) break;
    if (!authenticated) unproven = layers.length;
    entity = entityOf(withLineEnds(inner));
  }
  if (entity === original) return { layers };
  const isProven =
    unproven < 0 || layers.slice(unproven).some(({ kind, result }) => kind === 'signed' && result === 'good');
  if (!isProven && !/^[\t\r\n -~]*$/.test(entity.octets.toString('latin1'))) {
    return { layers: [{ kind: 'encrypted', result: 'failed' }] };
  }
  // What a signature covers must stay as it is.
  const isCovered = entity.type.value === 'multipart/signed';
  return {
    layers,
    entity: isCovered ? contentOf(entity.octets) : canonicalEntity(octetSource(entity.octets)),
  };
}

/** Without the fields that are not of a content: a header that was encrypted does not become the message's. */
function contentOf(octets: Buffer): Buffer {
  const header = readHeader(octetSource(octets));
  const fields = header.fields.flatMap(({ start, end }, index) =>
    /^content-/i.test(header.name(index)!) ? [octets.subarray(start, end)] : [],
  );
  return Buffer.concat([...fields, Buffer.from('\r\n'), octets.subarray(header.bodyStart)]);
}
