import type { DownstreamReply } from '../smtp/transaction.ts';
import { backOffMs, type BackOff } from './retry.ts';

/** Failed sessions in a row after which a downstream counts as out of order. No connection at all counts at once. */
const FAILED_IN_A_ROW = 5;

/** Read anew each time, since a reload changes it. */
export interface CircuitSettings {
  readonly policy: { readonly rest: BackOff };
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** No connection came about: "no answer from host" (RFC 3463 section 3.5). */
export function isUnreachable({ local, enhanced }: DownstreamReply): boolean {
  return local === true && enhanced === '4.4.1';
}

/** The session failed, not this mail: lost, out of time, no TLS, disk full, or the downstream's own 421. */
function isTrouble({ local, code, enhanced }: DownstreamReply): boolean {
  const busy = enhanced === '4.3.2';
  return local === true ? code < 500 && !busy : code === 421;
}

/**
 * Whether a downstream is worth trying.
 *
 * `closed`: it is. `resting`: it could not be reached and is left alone until `restsUntil`. `probing`: the rest is over
 * and one delivery may find out. Each failed probe makes the next rest longer; any word from the downstream ends it all.
 */
export class Circuit {
  readonly #settings: CircuitSettings;
  #rests = 0;
  #failed = 0;
  #restsUntil = 0;
  #lastReply: DownstreamReply | undefined;

  constructor(settings: CircuitSettings) {
    this.#settings = settings;
  }

  state(now: number): 'closed' | 'resting' | 'probing' {
    if (this.#rests === 0) return 'closed';
    return now < this.#restsUntil ? 'resting' : 'probing';
  }

  /** Milliseconds since the epoch; meaningful while it rests. */
  get restsUntil(): number {
    return this.#restsUntil;
  }

  /** What the last failure was; undefined while it is closed. */
  get lastReply(): DownstreamReply | undefined {
    return this.#lastReply;
  }

  /** Takes note of how a delivery went. True if this made the downstream rest. */
  record(replies: readonly DownstreamReply[], now: number): boolean {
    const trouble = replies.every(isTrouble) ? replies[0] : undefined;
    if (trouble === undefined) {
      // What we said ourselves (no free connection, not to be sent to this one) proves nothing either way.
      if (replies.some(({ local }) => local !== true)) this.#close();
      return false;
    }
    // Deliveries that were under way when it failed do not lengthen the rest.
    if (this.state(now) === 'resting') return false;
    this.#failed++;
    if (!isUnreachable(trouble) && this.#failed < FAILED_IN_A_ROW && this.#rests === 0) return false;
    this.#rests++;
    const { policy, random } = this.#settings;
    this.#restsUntil = now + backOffMs(this.#rests, { ...policy.rest, random });
    this.#lastReply = trouble;
    return true;
  }

  #close(): void {
    this.#rests = 0;
    this.#failed = 0;
    this.#lastReply = undefined;
  }
}
