import type { Patience } from './final-gate.ts';
import type { BackOff } from './retry.ts';

/** How the operator wants mail delivered. Times in milliseconds. */
export interface DeliveryPolicy {
  /** Between the attempts of one entry. */
  readonly retry: BackOff;
  /** After this long in the queue an entry is bounced. */
  readonly giveUpAfterMs: number;
  /** How long a downstream that cannot be reached is left alone. */
  readonly rest: BackOff;
  /** Deliveries at a time to one downstream. */
  readonly concurrency: number;
  /** For how long the end of a message waits for the reply to the one before it. */
  readonly patience: Patience;
  /** How often the store is asked for due entries. */
  readonly pollMs: number;
  /** For how long a claimed entry is ours; longer than any delivery takes. */
  readonly leaseMs: number;
  /** Messages for one downstream that wait or are delivered without being read from the store again. */
  readonly hotMessages: number;
  /** Octets of memory that such messages hold, for all downstreams together. */
  readonly hotBytes: number;
  /** Name of the downstream that takes a notice to this sender; undefined if none does. */
  bounceDownstream(sender: string): string | undefined;
}

/** What holds where the operator says nothing. Where notices go has no default here: it depends on the listeners. */
export const DEFAULT_DELIVERY: Omit<DeliveryPolicy, 'bounceDownstream'> = {
  retry: { firstMs: 60_000, maxMs: 3_600_000 },
  giveUpAfterMs: 5 * 24 * 3_600_000,
  rest: { firstMs: 5_000, maxMs: 300_000 },
  concurrency: 20,
  patience: { shareMs: 5, reserveMs: 250 },
  pollMs: 1_000,
  leaseMs: 30 * 60_000,
  hotMessages: 100,
  hotBytes: 64 * 1024 * 1024,
};
