import { CHUNK_SIZE, type ByteSource } from '../base/bytes.ts';
import { withDeadline } from '../base/deadline.ts';
import { describeError } from '../base/errors.ts';
import { BodyEncoder } from './client-body.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ClientSettings } from './client-options.ts';
import type { LocalReplies } from './client-replies.ts';
import type { DownstreamReply } from './transaction.ts';

/**
 * A message and the replies to it: what follows 354, or the chunks of BDAT (RFC 3030 section 2).
 *
 * Both give `count` replies: for LMTP one as each recipient's own (RFC 2033 section 4.2), for SMTP the same for all.
 * If the message can't be sent whole the connection is ended before its end was said, so that nothing of it is taken.
 */
export interface MessageOptions {
  readonly settings: ClientSettings;
  readonly locals: LocalReplies;
  readonly message: ByteSource;
  /** Recipients that the downstream accepted; at least one. */
  readonly count: number;
}

/** After 354. The transaction ends with it. */
export async function sendMessage(
  connection: ClientConnection,
  options: MessageOptions,
): Promise<DownstreamReply[]> {
  const { settings, locals, message } = options;
  const { wire } = connection;
  const encoder = new BodyEncoder(message);
  for (;;) {
    const piece = await readable(connection, { ...options, read: () => encoder.next() });
    if (piece === undefined) break;
    if (piece === 'bare') {
      settings.log.error({ downstream: settings.name }, 'bare CR or LF in a message about to be sent');
      wire.end({ kind: 'ours', reply: locals.bareLineEnding(), cause: 'bare CR or LF' });
      break;
    }
    wire.write(piece.octets);
    if (piece.last) break;
    if (!(await wire.drained(settings.timeouts.dataMs))) break;
  }
  return await finalReplies(connection, options);
}

/** Octets of a chunk: what a downstream that refuses the message is sent in vain at most. */
const BDAT_SIZE = 1024 * 1024;

/**
 * Chunk by chunk, each once the one before it was taken, octets as they are. `isOpen`: one of them was refused, and the transaction
 * has to be ended by RSET.
 */
export async function sendChunks(
  connection: ClientConnection,
  options: MessageOptions,
): Promise<{ readonly replies: DownstreamReply[]; readonly isOpen: boolean }> {
  const { settings, message, count } = options;
  const { wire } = connection;
  for (let offset = 0; ;) {
    const end = Math.min(offset + BDAT_SIZE, message.size);
    const isLast = end === message.size;
    wire.write(`BDAT ${end - offset}${isLast ? ' LAST' : ''}\r\n`);
    await writeRange(connection, { ...options, offset, end });
    if (isLast || wire.lost !== undefined) break;
    const answer = await wire.receive({ ms: settings.timeouts.dataMs, positive: 2 });
    if (wire.lost !== undefined) break;
    if (answer.code >= 400) return { replies: Array.from({ length: count }, () => answer), isOpen: true };
    offset = end;
  }
  return { replies: await finalReplies(connection, options), isOpen: false };
}

/** Ends the connection if they can't be read, or are not taken. */
async function writeRange(
  connection: ClientConnection,
  options: MessageOptions & { offset: number; end: number },
): Promise<void> {
  const { message, settings, end } = options;
  for (let { offset } = options; offset < end;) {
    const from = offset;
    const octets = await readable(connection, {
      ...options,
      async read() {
        const read = await message.read(from, Math.min(CHUNK_SIZE, end - from));
        if (read.length > 0) return read;
        throw new Error(`Cannot read the message: it ends at ${from} of ${message.size} octets`);
      },
    });
    if (octets === undefined) return;
    connection.wire.write(Buffer.from(octets.buffer, octets.byteOffset, octets.length));
    offset += octets.length;
    if (offset < end && !(await connection.wire.drained(settings.timeouts.dataMs))) return;
  }
}

/** What was read of the message; undefined if it can't be, and the connection is at its end. */
async function readable<T>(
  { wire }: ClientConnection,
  { settings, locals, read }: MessageOptions & { read: () => Promise<T> },
): Promise<T | undefined> {
  try {
    return await withDeadline(read(), { ms: settings.timeouts.dataMs, what: 'reading the message' });
  } catch (error) {
    settings.log.error({ downstream: settings.name, cause: describeError(error) }, 'cannot read the message');
    wire.end({ kind: 'ours', reply: locals.unreadable(), cause: 'message unreadable' });
    return undefined;
  }
}

async function finalReplies(
  { wire }: ClientConnection,
  { settings, locals, count }: MessageOptions,
): Promise<DownstreamReply[]> {
  if (wire.lost?.kind === 'unasked' && settings.protocol === 'lmtp' && wire.lost.reply.code !== 421) {
    // Before the end of the message no recipient's reply is due; whose this is can't be known.
    return Array.from({ length: count }, () => locals.nonsense('a reply before the end of the message'));
  }
  const final = { ms: settings.timeouts.finalReplyMs, positive: 2 } as const;
  if (settings.protocol === 'lmtp') {
    const replies = await Promise.all(Array.from({ length: count }, () => wire.receive(final)));
    return replies.map((reply) => (reply.local === true && reply.code === 421 ? locals.unanswered() : reply));
  }
  const reply = await wire.receive(final);
  return Array.from({ length: count }, () => reply);
}
