import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { pause } from '../base/pause.ts';
import { formatReply } from '../mail/reply.ts';
import type { DownstreamReply } from '../smtp/transaction.ts';
import type { NewQueueEntry, Settlement, Store } from '../store/store.ts';
import { undeliverable } from '../store/undeliverable.ts';
import { bounceOf, headersOf, type Bounce, type NoticeOptions } from './bounce.ts';
import type { Job } from './job.ts';
import { outcomesOf, recipientsOf, type Outcome } from './outcome.ts';
import { backOffMs } from './retry.ts';

/** Between attempts to store a settlement. */
export const SETTLE_BACK_OFF = { firstMs: 250, maxMs: 30_000 };

/** What is in `NoticeOptions` is read anew each time, since a reload changes them. */
export interface SettlerOptions extends NoticeOptions {
  readonly store: Store;
  readonly random: () => number;
}

/** What an attempt ended with. */
export interface Attempt {
  readonly job: Job;
  /** One for each recipient, in order. */
  readonly replies: readonly DownstreamReply[];
  /** When to try the deferred ones again; absent for the usual back-off. */
  readonly retryAt?: number;
}

/** Records what attempts came to: in the store, in the log, and to the sender where recipients failed. */
export class Settler {
  readonly #options: SettlerOptions;
  readonly #abandoned: AbortSignal;

  /** `abandoned`: nobody waits for settlements any more; one that the store refuses is left as it is. */
  constructor(options: SettlerOptions, abandoned: AbortSignal) {
    this.#options = options;
    this.#abandoned = abandoned;
  }

  /** Resolves when it is on disk, with the notice that was queued in the same commit, if any. */
  async settle(attempt: Attempt): Promise<NewQueueEntry | undefined> {
    const { job } = attempt;
    const { store, log, random } = this.#options;
    const now = this.#options.now();
    const outcomes = outcomesOf(job, { replies: attempt.replies, now });
    const failures = outcomes.filter(({ fate }) => fate === 'failed' || fate === 'expired');
    // No turn of the event loop between the last reply and the settlement, unless a notice has to be composed.
    const bounce = failures.length === 0 ? NO_BOUNCE : await this.#bounceOf(job, failures);
    const settlement = this.#settlementOf(attempt, { outcomes, now, bounce });
    for (let refusals = 0; ;) {
      try {
        const settled = store.settle(job.id, settlement);
        if (refusals === 0) logOutcomes(job, { outcomes, now, log });
        await settled;
        return bounce?.notice;
      } catch (error) {
        refusals++;
        log.error(
          { queue: job.id, transaction: job.transaction, refusals, error: describeError(error) },
          'cannot settle',
        );
        if (this.#abandoned.aborted) return undefined;
        const wait = backOffMs(refusals, { ...SETTLE_BACK_OFF, random });
        await pause(wait, this.#abandoned);
      }
    }
  }

  #settlementOf(
    { job, retryAt }: Attempt,
    { outcomes, now, bounce }: { outcomes: readonly Outcome[]; now: number; bounce: Bounce | undefined },
  ): Settlement {
    const { policy, random } = this.#options;
    const usual = now + backOffMs(job.attempts + 1, { ...policy.retry, random });
    const next = retryAt ?? (onlyTooMany(outcomes) ? now : usual);
    const telling = outcomes.find(({ fate }) => fate === 'deferred') ?? outcomes[0];
    return {
      // While the notice can't be composed nothing is dropped: those that failed are tried again and fail again.
      remaining: recipientsOf(outcomes, bounce ? ['deferred'] : ['deferred', 'failed', 'expired']),
      // The last attempt is made when the time is over, not some back-off later.
      nextAttemptAt: now < job.expiresAt ? Math.min(next, job.expiresAt) : next,
      lastReply: telling === undefined ? '' : formatReply(telling.reply),
      ...(bounce?.notice && { mail: { queue: [bounce.notice], quarantine: [] } }),
      ...(bounce && bounce.stranded.length > 0 && { held: heldOf(bounce.stranded, now) }),
    };
  }

  /** Undefined, and an error in the log, if the notice can't be composed. */
  async #bounceOf(job: Job, failed: readonly Outcome[]): Promise<Bounce | undefined> {
    const { log } = this.#options;
    const { id: queue, transaction, sender, createdAt: arrivedAt } = job;
    try {
      const headers = await headersOf(job.message).catch((error: unknown) => {
        log.error({ queue, transaction, error: describeError(error) }, 'cannot read the header for a notice');
        return new Uint8Array();
      });
      const failures = failed.map(({ recipient, reply }) => {
        return { recipient, reply, ...(reply.local !== true && { remote: job.downstream }) };
      });
      const request = { queue, transaction, sender, failures, headers, arrivedAt };
      return bounceOf(request, this.#options);
    } catch (error) {
      log.error({ queue, transaction, error: describeError(error) }, 'cannot compose a notice');
      return undefined;
    }
  }
}

/** The downstream took some and wants the rest in another transaction (RFC 5321 section 4.5.3.1.10). */
function onlyTooMany(outcomes: readonly Outcome[]): boolean {
  const deferred = outcomes.filter(({ fate }) => fate === 'deferred');
  const tooMany = deferred.every(
    ({ reply }) => reply.code === 452 && (reply.enhanced ?? '4.5.3') === '4.5.3',
  );
  // Only with some progress: otherwise this would go on without a pause.
  return tooMany && outcomes.some(({ fate }) => fate === 'delivered');
}

const NO_BOUNCE: Bounce = { stranded: [] };

function heldOf(stranded: Bounce['stranded'], now: number): NonNullable<Settlement['held']> {
  const recipients = stranded.map(({ recipient }) => recipient);
  return { recipients, now, ...undeliverable(stranded.map(({ reply }) => reply)) };
}

function logOutcomes(job: Job, options: { outcomes: readonly Outcome[]; now: number; log: Log }): void {
  for (const { recipient, reply, fate } of options.outcomes) {
    const fields = {
      queue: job.id,
      transaction: job.transaction,
      downstream: job.downstream,
      recipient: recipient.address,
      ...(recipient.folder !== undefined && { folder: recipient.folder }),
      reply: formatReply(reply),
      attempts: job.attempts + 1,
      delayMs: options.now - job.createdAt,
    };
    if (fate === 'failed' || fate === 'expired') options.log.warn(fields, fate);
    else options.log.info(fields, fate);
  }
}
