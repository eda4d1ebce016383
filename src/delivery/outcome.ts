import type { Recipient } from '../mail/envelope.ts';
import { reply } from '../mail/reply.ts';
import type { DownstreamReply } from '../smtp/transaction.ts';
import type { Job } from './job.ts';

/** `deferred`: tried again later. `failed`: refused for good. `expired`: was in the queue for too long. */
export type Fate = 'delivered' | 'deferred' | 'failed' | 'expired';

/** What an attempt came to for one recipient. */
export interface Outcome {
  readonly recipient: Recipient;
  readonly reply: DownstreamReply;
  readonly fate: Fate;
}

const NO_REPLY: DownstreamReply = {
  ...reply(451, '4.5.0', 'The downstream gave no reply for this recipient'),
  local: true,
};

/** What an attempt that ended at `now` came to, one outcome for each of the job's recipients, in order. */
export function outcomesOf(
  job: Job,
  options: { replies: readonly DownstreamReply[]; now: number },
): Outcome[] {
  return job.recipients.map((recipient, index) => {
    const said = options.replies[index] ?? NO_REPLY;
    return { recipient, reply: said, fate: fateOf(said, options.now >= job.expiresAt) };
  });
}

/** Whether the message has reached all of the job's recipients: nothing is left to do for it. */
export function isServed({ recipients }: Job, replies: readonly DownstreamReply[]): boolean {
  return recipients.every((_, index) => fateOf(replies[index] ?? NO_REPLY, false) === 'delivered');
}

export function recipientsOf(outcomes: readonly Outcome[], fates: readonly Fate[]): Recipient[] {
  return outcomes.filter(({ fate }) => fates.includes(fate)).map(({ recipient }) => recipient);
}

// RFC 5321 section 4.2.1. A 3xx makes no sense as a final reply; trying again is the safe reading of it.
function fateOf({ code }: DownstreamReply, expired: boolean): Fate {
  if (code >= 200 && code < 300) return 'delivered';
  if (code >= 500) return 'failed';
  return expired ? 'expired' : 'deferred';
}
