import type { Config } from '../config/config.ts';
import { noticeRoute } from '../config/notice-route.ts';
import { DEFAULT_DELIVERY, type DeliveryPolicy } from '../delivery/policy.ts';

/** How the config wants mail delivered, and where notices to a sender go. */
export function deliveryPolicy(config: Config): DeliveryPolicy {
  const { retry, giveUpAfterMs, concurrency } = config.queue;
  return {
    ...DEFAULT_DELIVERY,
    retry,
    giveUpAfterMs,
    concurrency,
    bounceDownstream: (sender) => noticeRoute(config, sender),
  };
}
