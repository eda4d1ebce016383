import type { ByteSource } from '../base/bytes.ts';
import { readHeaderOf } from '../mail/header-index.ts';
import type { Splice } from '../mail/image.ts';
import { countHops } from '../mail/loop.ts';
import { bypassIn, disclaimTrace } from '../mail/opes.ts';
import { reply, type Reply } from '../mail/reply.ts';

const EMPTY_LINE = Buffer.from('\r\n');

/** RFC 5321 section 6.3 asks for at least 100. */
const MAX_HOPS = 100;

export type HeaderVerdict =
  | { readonly refusal: Reply }
  | {
      /** What has to be put in so that everybody takes the same lines for the header, and nobody's trace for ours. */
      readonly repair: readonly Splice[];
      /** The text of its requests to bypass services, if it has any. */
      readonly bypass: string | undefined;
    };

/**
 * Why a message can't be taken for what its header is, if so: a loop, or more header than filters would see.
 *
 * A header that ends without an empty line, before a line that is no field, gets one there. Else that line would become part of
 * a field that is put above it (one that begins with a space continues it), and a reader that skips it would go on to
 * fields that no filter has seen.
 */
export async function checkHeader(message: ByteSource, opesSystem: string): Promise<HeaderVerdict> {
  const header = await readHeaderOf(message);
  if (header.ending === 'limit') {
    const text = 'The header is too large: at most 1 MiB and 10000 fields are accepted';
    return { refusal: reply(554, '5.6.0', text) };
  }
  const hops = countHops(header);
  if (hops > MAX_HOPS) {
    const text = `Too many hops: ${hops} Received fields, the message is in a loop`;
    return { refusal: reply(554, '5.4.6', text) };
  }
  const emptyLine = { offset: header.end, remove: 0, bytes: EMPTY_LINE };
  const repair = [...disclaimTrace(header, opesSystem), ...(header.ending === 'junk' ? [emptyLine] : [])];
  return { repair, bypass: bypassIn(header) };
}
