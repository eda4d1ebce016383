import type { ByteSource } from '../base/bytes.ts';
import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { composeDsn, type DsnRecipient } from '../mail/dsn.ts';
import type { Sender } from '../mail/envelope.ts';
import { imageOf } from '../mail/image.ts';
import { formatReply } from '../mail/reply.ts';
import type { NewQueueEntry } from '../store/store.ts';
import type { DeliveryPolicy } from './policy.ts';

/** Octets of the original's header that a notice quotes at most. */
const HEADER_LIMIT = 64 * 1024;

/** Recipients that mail was not delivered to, and will not be. */
export interface Failed {
  readonly transaction: string;
  /** Id of the queue entry, if there was one. */
  readonly queue?: string;
  readonly sender: Sender;
  /** `remote` is the name of the downstream that said it. */
  readonly failures: readonly DsnRecipient[];
  /** Header of the message, as `headersOf` gives it. */
  readonly headers: Uint8Array;
  /** When the message came, in ms since the epoch. */
  readonly arrivedAt: number;
}

export interface NoticeOptions {
  readonly policy: DeliveryPolicy;
  readonly hostname: string;
  /** URI of our OPES system, for the trace in notices. */
  readonly opesSystem: string;
  readonly log: Log;
  readonly now: () => number;
}

/** What follows for the sender of mail that failed. */
export interface Bounce {
  /** The queue entry of the one notice for all recipients that it is about; absent if there are none. */
  readonly notice?: NewQueueEntry;
  /** Those whose failure ought to be told and can't be: without more their mail would be lost without a word. */
  readonly stranded: readonly DsnRecipient[];
}

/** True if a notice to this sender can be sent: it is not the null sender, and there is a way to it. */
export function canNotify(sender: string, policy: DeliveryPolicy): boolean {
  return sender !== '' && policy.bounceDownstream(sender) !== undefined;
}

/**
 * The one notice to the sender of mail that failed (RFC 3461 section 5.2, RFC 3464), for all failed recipients together.
 * For whom there is none, the log says why: the mail was a notice itself or there is no way to its sender (`stranded`),
 * or the sender asked for none (NOTIFY=NEVER).
 */
export function bounceOf(failed: Failed, options: NoticeOptions): Bounce {
  const { policy, hostname, opesSystem } = options;
  const { transaction, sender } = failed;
  const downstream = sender.address === '' ? undefined : policy.bounceDownstream(sender.address);
  const wanted = sender.address === '' ? failed.failures : failed.failures.filter(wantsNotice);
  logUntold(failed, { wanted, told: downstream !== undefined, log: options.log });
  if (downstream === undefined) return { stranded: wanted };
  if (wanted.length === 0) return { stranded: [] };

  const now = options.now();
  const notice = composeDsn({
    action: 'failed',
    hostname,
    opesSystem,
    id: newId(),
    date: new Date(now),
    sender,
    arrivalDate: new Date(failed.arrivedAt),
    recipients: wanted,
    originalHeader: failed.headers,
  });
  const entry = {
    transaction,
    image: imageOf(spoolOf(notice).handle),
    sender: { address: '', params: paramsFor(notice, sender.address) },
    recipients: [{ address: sender.address, params: {} }],
    downstream,
    now,
    nextAttemptAt: now,
    expiresAt: now + policy.giveUpAfterMs,
  };
  return { notice: entry, stranded: [] };
}

/** The header of a message, at most 64 KiB of it, in whole lines, without the empty line after it. */
export async function headersOf(message: ByteSource): Promise<Uint8Array> {
  const { buffer, byteOffset, length } = await message.read(0, HEADER_LIMIT);
  const start = Buffer.from(buffer, byteOffset, length);
  if (start.indexOf('\r\n') === 0) return new Uint8Array();
  const end = start.indexOf('\r\n\r\n');
  const lastLine = end >= 0 ? end : start.lastIndexOf('\r\n');
  return lastLine < 0 ? new Uint8Array() : start.subarray(0, lastLine + 2);
}

// RFC 3461 section 4.1: without NOTIFY, failures are told; with it, only if it says so.
function wantsNotice({ recipient }: DsnRecipient): boolean {
  const notify = recipient.params['NOTIFY'];
  return notify === undefined || notify.toUpperCase().split(',').includes('FAILURE');
}

/** Nothing vanishes silently: whoever reads the log can still find it. */
function logUntold(
  failed: Failed,
  { wanted, told, log }: { wanted: readonly DsnRecipient[]; told: boolean; log: Log },
): void {
  const { transaction, queue, sender } = failed;
  for (const failure of failed.failures) {
    const isWanted = wanted.includes(failure);
    if (isWanted && told) continue;
    const fields = {
      queue,
      transaction,
      recipient: failure.recipient.address,
      reply: formatReply(failure.reply),
    };
    if (!isWanted) log.info(fields, 'notice not wanted');
    else if (sender.address === '') log.warn(fields, 'double bounce');
    else log.warn({ ...fields, sender: sender.address }, 'no way for a notice');
  }
}

/** What the notice needs of the downstream (RFC 6152, RFC 6531). */
export function paramsFor(notice: Uint8Array, address: string): Sender['params'] {
  const eightBit = notice.some((octet) => octet >= 0x80);
  const international = Buffer.byteLength(address) !== address.length;
  return { ...(eightBit && { BODY: '8BITMIME' }), ...(international && { SMTPUTF8: '' }) };
}
