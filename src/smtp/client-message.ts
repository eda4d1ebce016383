import type { ByteSource } from '../base/bytes.ts';
import { withDeadline } from '../base/deadline.ts';
import { describeError } from '../base/errors.ts';
import { BodyEncoder, type WirePiece } from './client-body.ts';
import type { ClientConnection } from './client-connection.ts';
import type { ClientSettings } from './client-options.ts';
import type { LocalReplies } from './client-replies.ts';
import type { DownstreamReply } from './transaction.ts';

/**
 * What follows 354: the message, the final dot and the final replies.
 *
 * Returns `count` replies: for LMTP one as each recipient's own (RFC 2033 section 4.2), for SMTP the same for all.
 * If the message can't be sent whole the connection is ended before the final dot, so that nothing of it is taken.
 */
export async function sendMessage(
  connection: ClientConnection,
  options: MessageOptions,
): Promise<DownstreamReply[]> {
  const { settings, locals, message, count } = options;
  const { wire } = connection;
  const { dataMs, finalReplyMs } = settings.timeouts;
  const encoder = new BodyEncoder(message);

  for (;;) {
    let piece: WirePiece | 'bare';
    try {
      piece = await withDeadline(encoder.next(), { ms: dataMs, what: 'reading the message' });
    } catch (error) {
      settings.log.error(
        { downstream: settings.name, cause: describeError(error) },
        'cannot read the message',
      );
      wire.end({ kind: 'ours', reply: locals.unreadable(), cause: 'message unreadable' });
      break;
    }
    if (piece === 'bare') {
      settings.log.error({ downstream: settings.name }, 'bare CR or LF in a message about to be sent');
      wire.end({ kind: 'ours', reply: locals.bareLineEnding(), cause: 'bare CR or LF' });
      break;
    }
    wire.write(piece.octets);
    if (piece.last) break;
    if (!(await wire.drained(dataMs))) break;
  }
  if (wire.lost?.kind === 'unasked' && settings.protocol === 'lmtp' && wire.lost.reply.code !== 421) {
    // Before the final dot no recipient's reply is due; whose this is can't be known.
    return Array.from({ length: count }, () => locals.nonsense('a reply before the end of the message'));
  }

  const final = { ms: finalReplyMs, positive: 2 } as const;
  if (settings.protocol === 'lmtp') {
    const replies = await Promise.all(Array.from({ length: count }, () => wire.receive(final)));
    return replies.map((reply) => (reply.local === true && reply.code === 421 ? locals.unanswered() : reply));
  }
  const reply = await wire.receive(final);
  return Array.from({ length: count }, () => reply);
}

export interface MessageOptions {
  readonly settings: ClientSettings;
  readonly locals: LocalReplies;
  readonly message: ByteSource;
  /** Recipients that the downstream accepted; at least one. */
  readonly count: number;
}
