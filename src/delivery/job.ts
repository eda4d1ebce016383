import type { ByteSource } from '../base/bytes.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import type { QueueEntry, Store } from '../store/store.ts';

/** A queue entry that this process holds the lease of, with its message at hand. */
export interface Job extends Omit<QueueEntry, 'messageId' | 'size' | 'nextAttemptAt'> {
  readonly message: ByteSource;
  /** Called once, when `message` will not be read any more. */
  readonly release: () => void;
}

/** A claimed entry, its message read from the store by range. */
export function jobOf(entry: QueueEntry, store: Store): Job {
  const { messageId, size, nextAttemptAt: _due, ...rest } = entry;
  const message = {
    size,
    read: (offset: number, length: number) => store.read(messageId, { offset, length }),
  };
  return { ...rest, message, release: () => {} };
}

/** The sender with the size of what is sent now: services may have changed the message since MAIL (RFC 1870). */
export function sized(sender: Sender, message: ByteSource): Sender {
  return { ...sender, params: { ...sender.params, SIZE: String(message.size) } };
}

/** A recipient and what the last attempt came to for it. */
export interface Tried<R> {
  readonly recipient: Recipient;
  readonly reply: R;
}
