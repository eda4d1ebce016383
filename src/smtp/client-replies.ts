import { reply } from '../mail/reply.ts';
import type { DownstreamReply } from './transaction.ts';

/**
 * The replies that we give in a downstream's place. Their texts go to our client: they name the downstream as the
 * operator does and nothing of how it is reached.
 */
export interface LocalReplies {
  unreachable(): DownstreamReply;
  closed(): DownstreamReply;
  timeout(): DownstreamReply;
  /** LMTP: the connection ended before this recipient's reply came. */
  unanswered(): DownstreamReply;
  nonsense(what: string): DownstreamReply;
  /** The downstream would not begin a session at all; `said` is its reply. */
  refused(said: string): DownstreamReply;
  noTls(): DownstreamReply;
  tlsFailed(): DownstreamReply;
  busy(): DownstreamReply;
  closing(): DownstreamReply;
  unreadable(): DownstreamReply;
  bareLineEnding(): DownstreamReply;
  badSequence(): DownstreamReply;
  badSender(): DownstreamReply;
  badRecipient(): DownstreamReply;
  noSmtpUtf8(): DownstreamReply;
  /** It would have to be converted; `why` it was not. */
  notConverted(why: string): DownstreamReply;
}

export function localReplies(name: string): LocalReplies {
  const local = (code: number, enhanced: string, text: string): DownstreamReply => ({
    ...reply(code, enhanced, text),
    local: true,
  });
  const downstream = `downstream ${name}`;
  return {
    unreachable: () => local(421, '4.4.1', `${downstream} cannot be reached`),
    closed: () => local(421, '4.4.2', `${downstream} closed the connection`),
    timeout: () => local(421, '4.4.2', `${downstream} did not answer in time`),
    unanswered: () => local(451, '4.4.2', `${downstream} gave no reply for this recipient`),
    nonsense: (what) => local(451, '4.5.0', `${downstream} answered nonsense: ${what}`),
    refused: (said) => local(451, '4.3.0', `${downstream} refused the session: ${said}`),
    noTls: () => local(451, '4.7.4', `${downstream} offers no TLS`),
    tlsFailed: () => local(451, '4.7.5', `no trusted TLS connection to ${downstream}`),
    busy: () => local(450, '4.3.2', `${downstream} is too busy`),
    closing: () => local(421, '4.3.2', 'this server is shutting down'),
    unreadable: () => local(451, '4.3.0', 'the message could not be read'),
    bareLineEnding: () => local(550, '5.6.0', 'the message has a bare CR or LF (RFC 5321 section 2.3.8)'),
    badSequence: () => local(503, '5.5.1', 'bad sequence of commands'),
    badSender: () => local(553, '5.1.7', 'the sender address is not valid'),
    badRecipient: () => local(553, '5.1.3', 'the recipient address is not valid'),
    // RFC 6152 section 3: a permanent failure, where nothing is converted.
    notConverted: (why) => local(554, '5.6.3', `${downstream} does not take mail of this kind: ${why}`),
    noSmtpUtf8: () => local(550, '5.6.7', `${downstream} does not take internationalised mail`),
  };
}
