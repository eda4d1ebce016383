import type { ByteSource } from '../base/bytes.ts';
import { HEADER_LIMIT, indexHeader, type HeaderIndex } from '../mail/header-index.ts';
import { countHops } from '../mail/loop.ts';
import { reply, type Reply } from '../mail/reply.ts';

/** RFC 5321 section 6.3 asks for at least 100. */
const MAX_HOPS = 100;

/** Most headers are smaller; for the others the most that is ever looked at is read. */
const FIRST_READ = 16 * 1024;

/** Why a message can't be taken for what its header is, if so: a loop, or more header than filters would see. */
export async function headerRefusal(message: ByteSource): Promise<Reply | undefined> {
  let header = await readIndex(message, FIRST_READ);
  if (header.ending === 'limit' && message.size > FIRST_READ) header = await readIndex(message, HEADER_LIMIT);
  if (header.ending === 'limit') {
    return reply(554, '5.6.0', 'The header is too large: at most 1 MiB and 10000 fields are accepted');
  }
  const hops = countHops(header);
  if (hops > MAX_HOPS)
    return reply(554, '5.4.6', `Too many hops: ${hops} Received fields, the message is in a loop`);
  return undefined;
}

async function readIndex(message: ByteSource, length: number): Promise<HeaderIndex> {
  const octets = await message.read(0, length);
  return indexHeader(octets, { more: octets.length < message.size });
}
