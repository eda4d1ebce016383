import type { Recipient } from '../mail/envelope.ts';
import { applySplices, isProblem, type MessageImage } from '../mail/image.ts';
import { composeTrace } from '../mail/opes.ts';
import { composeReceived } from '../mail/received.ts';
import type { SessionFacts } from './session-facts.ts';
import type { Transaction } from './transaction.ts';

/**
 * The image with our Received field on top (RFC 5321 section 4.4), and below it, if services changed the message, the trace of
 * these (RFC 4902 section 4). What is below stays as it is.
 */
export function withTrace(
  image: MessageImage,
  facts: SessionFacts & {
    readonly hostname: string;
    readonly protocol: 'smtp' | 'submission' | 'lmtp';
    readonly transaction: Transaction;
    readonly recipients: readonly Recipient[];
    readonly opesSystem: string;
    /** The services that changed the message. */
    readonly adaptedBy: readonly string[];
  },
): MessageImage {
  const { client, helo, transaction, recipients } = facts;
  const extended = facts.protocol === 'lmtp' ? 'LMTP' : 'ESMTP';
  const only = recipients.length === 1 ? recipients[0]!.address : undefined;
  const field = composeReceived({
    helo: helo?.name ?? '',
    address: client.address,
    hostname: facts.hostname,
    protocol: helo?.verb === 'HELO' ? 'SMTP' : extended,
    tls: facts.tls !== undefined,
    authenticated: facts.user !== undefined,
    smtputf8: 'SMTPUTF8' in transaction.originalSender.params,
    id: transaction.id,
    ...(only !== undefined && { recipient: only }),
    date: new Date(transaction.startedAt),
  });
  const { opesSystem: system, adaptedBy: services } = facts;
  const trace = services.length === 0 ? [] : [composeTrace({ system, id: transaction.id, services })];
  const bytes = Buffer.concat([field, ...trace]);
  const traced = applySplices(image, [{ offset: 0, remove: 0, bytes }]);
  if (isProblem(traced)) throw new Error(traced.problem);
  return traced;
}
