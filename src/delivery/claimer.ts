import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import type { QueueEntry, Store } from '../store/store.ts';
import type { Lane } from './lane.ts';
import type { DeliveryPolicy } from './policy.ts';

/** Entries that one claim brings at most. */
const CLAIM_LIMIT = 100;

export interface ClaimerOptions {
  readonly store: Store;
  readonly log: Log;
  readonly now: () => number;
  /** Read anew each time, since a reload changes it. */
  readonly policy: DeliveryPolicy;
  readonly signal: AbortSignal;
}

/**
 * Brings due entries from the store to their lanes, one claim at a time, as long as lanes want more. Memory is bounded: a lane
 * is left out of the claim while its line keeps its slots busy, so it never holds more than one claim above that.
 */
export class Claimer {
  readonly #options: ClaimerOptions;
  readonly #lanes: ReadonlyMap<string, Lane>;
  readonly #after: Promise<void>;
  readonly #accept: (entries: readonly QueueEntry[]) => number;
  #claiming: Promise<void> | undefined;
  #again = false;

  /** Nothing is claimed before `after`. `accept` puts entries into their lanes and returns how many of them were new to it. */
  constructor(
    options: ClaimerOptions,
    to: {
      after: Promise<void>;
      lanes: ReadonlyMap<string, Lane>;
      accept: (entries: readonly QueueEntry[]) => number;
    },
  ) {
    this.#after = to.after;
    this.#options = options;
    this.#lanes = to.lanes;
    this.#accept = to.accept;
  }

  /** There may be something to claim. */
  wake(): void {
    this.#again = true;
    this.#claiming ??= this.#claimAll()
      // The poll comes back to it.
      .catch((error: unknown) => this.#options.log.error({ error: describeError(error) }, 'cannot claim'))
      .finally(() => {
        this.#claiming = undefined;
        if (this.#again && !this.#options.signal.aborted) this.wake();
      });
  }

  /** Resolves when no claim is under way. */
  async idle(): Promise<void> {
    await this.#claiming;
  }

  async #claimAll(): Promise<void> {
    const { now, signal } = this.#options;
    await this.#after;
    while (this.#again && !signal.aborted) {
      this.#again = false;
      const lanes = [...this.#lanes.values()];
      for (const probed of lanes.filter((lane) => lane.wantsProbe(now()))) {
        await this.#claim({ limit: 1, except: lanes.filter((lane) => lane !== probed) });
      }
      const except = lanes.filter((lane) => !lane.wantsMore(now()));
      const { full, fresh } = await this.#claim({ limit: CLAIM_LIMIT, except });
      for (const lane of lanes) lane.backlog = full || except.includes(lane);
      // Only if it brought something new: entries that are held already would come for ever.
      this.#again ||= full && fresh > 0 && lanes.some((lane) => lane.wantsMore(now()));
    }
  }

  async #claim(request: {
    limit: number;
    except: readonly Lane[];
  }): Promise<{ full: boolean; fresh: number }> {
    const { store, policy } = this.#options;
    const now = this.#options.now();
    const entries = await store.claim({
      now,
      leaseUntil: now + policy.leaseMs,
      limit: request.limit,
      except: request.except.map(({ name }) => name),
    });
    return { full: entries.length === request.limit, fresh: this.#accept(entries) };
  }
}
