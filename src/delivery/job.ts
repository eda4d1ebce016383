import type { ByteSource } from '../base/bytes.ts';
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
