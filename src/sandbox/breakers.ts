import type { Log } from '../base/log.ts';
import type { FailureKind, OpenBreaker, ServiceOutcome } from '../ocp/service.ts';
import type { Stage } from '../ocp/stage.ts';

/**
 * Circuit breakers. A service that has failed many times in a row at a stage would fail again, and each of its calls takes a thread
 * for the whole of its deadline: so it is not asked for a while, and what it would have been asked fails at once in the
 * same way. Then one call goes through to probe it: if that succeeds the breaker closes, else the while doubles.
 *
 * A breaker is for one stage: a service whose `on_message` spins may well answer each RCPT, which would count as recovery.
 * Failures of kind `load` don't count, they cost no time. Those of kind `capability` do: whoever waits for a server that is down has
 * waited enough after some mails. But it takes as many of them as of traps, however long each took, and the while stays short, since the
 * plugin is well and the server may be back at any moment.
 */

/** A few, since each costs a thread for a deadline; not one, since a single mail may be what the plugin stumbles over. */
const DEADLINES_IN_A_ROW = 3;
/** More, since a trap costs little, and so that not just anybody who knows a mail that traps can have a service left out. */
const FAILURES_IN_A_ROW = 10;
const FIRST_BACKOFF_MS = 1000;
const LONGEST_BACKOFF_MS = 60_000;
const LONGEST_OUTAGE_BACKOFF_MS = 4000;

export interface Place {
  readonly service: string;
  readonly stage: Stage;
}

/** Why a service is not asked: the failure that its answer would be. Plain data. */
export interface Refusal {
  readonly failure: FailureKind;
  readonly cause: string;
}

interface Trouble {
  readonly place: Place;
  deadlines: number;
  failures: number;
  /** While it is open. */
  open:
    | {
        readonly last: Refusal;
        readonly refusal: Refusal;
        readonly sinceMs: number;
        readonly backoffMs: number;
        readonly probeAtMs: number;
        probing: boolean;
      }
    | undefined;
}

/** What a service comes to that is not asked. */
export const refused = (refusal: Refusal): ServiceOutcome['result'] => ({
  kind: 'failure',
  ...refusal,
  unasked: true,
});

export class Breakers {
  readonly #log: Log;
  readonly #nowMs: () => number;
  /** Only of what failed the last time: for all else, nothing is looked up. */
  readonly #troubles = new Map<string, Trouble>();
  #open = 0;

  constructor(options: { log: Log; nowMs?: () => number }) {
    this.#log = options.log;
    this.#nowMs = options.nowMs ?? (() => performance.now());
  }

  /** Whether any is open; if not, there is no need to look at each. */
  get anyOpen(): boolean {
    return this.#open > 0;
  }

  /** Those that are open. */
  list(): OpenBreaker[] {
    const nowMs = this.#nowMs();
    return [...this.#troubles.values()].flatMap(({ place, failures, open }) => {
      if (open === undefined) return [];
      const { last, sinceMs, probeAtMs } = open;
      return {
        ...place,
        failures,
        ...last,
        openMs: nowMs - sinceMs,
        probeInMs: Math.max(0, probeAtMs - nowMs),
      };
    });
  }

  /** Undefined if the service may be asked, be it as a probe. */
  refusal(place: Place): Refusal | undefined {
    const open = this.#openAt(place);
    if (open === undefined) return undefined;
    return open.probing || this.#nowMs() < open.probeAtMs ? open.refusal : undefined;
  }

  /** The service is about to be asked: if its breaker is open this is the probe, and true. */
  begin(place: Place): boolean {
    const open = this.#openAt(place);
    if (open === undefined) return false;
    open.probing = true;
    return true;
  }

  /** The probe came to nothing, neither good nor bad; the next call will be another. */
  release(place: Place): void {
    const open = this.#openAt(place);
    if (open !== undefined) open.probing = false;
  }

  /** Counts what came of a call. */
  record(place: Place, result: ServiceOutcome['result']): void {
    if (result.kind === 'failure') {
      const { failure, cause } = result;
      if (failure !== 'load' && failure !== 'overload') this.#fail(place, { failure, cause });
    } else if (result.kind === 'decision' && this.#troubles.size > 0) {
      const key = keyOf(place);
      const trouble = this.#troubles.get(key);
      this.#troubles.delete(key);
      if (trouble?.open === undefined) return;
      this.#open -= 1;
      this.#log.info({ ...place }, 'the breaker of a service has closed: it answers again');
    }
  }

  #fail(place: Place, { failure, cause }: Refusal): void {
    const key = keyOf(place);
    const trouble = this.#troubles.get(key) ?? { place, deadlines: 0, failures: 0, open: undefined };
    this.#troubles.set(key, trouble);
    const { open } = trouble;
    // A call that had begun before it opened says nothing new.
    if (open !== undefined && !open.probing) return;
    trouble.failures += 1;
    if (failure === 'deadline') trouble.deadlines += 1;
    if (trouble.deadlines < DEADLINES_IN_A_ROW && trouble.failures < FAILURES_IN_A_ROW) return;

    const longestMs = failure === 'capability' ? LONGEST_OUTAGE_BACKOFF_MS : LONGEST_BACKOFF_MS;
    const backoffMs = open === undefined ? FIRST_BACKOFF_MS : Math.min(open.backoffMs * 2, longestMs);
    const why = `the breaker is open after ${trouble.failures} failures in a row, the last: ${cause}`;
    const nowMs = this.#nowMs();
    trouble.open = {
      last: { failure, cause },
      sinceMs: open?.sinceMs ?? nowMs,
      refusal: { failure, cause: why },
      backoffMs,
      probeAtMs: nowMs + backoffMs,
      probing: false,
    };
    if (open !== undefined) return;
    this.#open += 1;
    this.#log.warn(
      { ...place, failures: trouble.failures, failure, cause },
      'the breaker of a service has opened: it fails unasked until it answers a probe',
    );
  }

  #openAt(place: Place): Trouble['open'] {
    return this.#open === 0 ? undefined : this.#troubles.get(keyOf(place))?.open;
  }
}

const keyOf = ({ service, stage }: Place): string => `${stage} ${service}`;
