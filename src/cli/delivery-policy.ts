import type { Config } from '../config/config.ts';
import { DEFAULT_DELIVERY, type DeliveryPolicy } from '../delivery/policy.ts';

/** How the config wants mail delivered, and where notices to a sender go. */
export function deliveryPolicy({ queue, bounce, listeners }: Config): DeliveryPolicy {
  const inbound = listeners.filter(({ domains }) => domains !== undefined);
  const fallback = listeners.find(({ protocol }) => protocol === 'submission') ?? listeners[0];
  return {
    ...DEFAULT_DELIVERY,
    retry: queue.retry,
    giveUpAfterMs: queue.giveUpAfterMs,
    concurrency: queue.concurrency,
    // A sender in one of our domains reads mail behind the listener for that domain; everyone else is reached the way
    // that submitted mail goes out.
    bounceDownstream: (sender) => {
      const domain = sender.slice(sender.lastIndexOf('@') + 1).toLowerCase();
      const ours = inbound.find(({ domains }) => domains?.includes(domain));
      return ours?.downstream ?? bounce.downstream ?? fallback?.downstream ?? '';
    },
  };
}
