import { withDeadline } from '../base/deadline.ts';
import type { ByteSource } from '../base/bytes.ts';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { pause } from '../base/pause.ts';
import type { LineOctets } from '../mail/conversion.ts';
import { formatReply, reply } from '../mail/reply.ts';
import type { Converted, Downstream, DownstreamReply } from '../smtp/transaction.ts';
import type { QueueEntry, Store } from '../store/store.ts';
import { isUnreachable } from './circuit.ts';
import { Claimer } from './claimer.ts';
import type { Conversion, Converter } from './converter.ts';
import { jobOf, type Job } from './job.ts';
import { Lane } from './lane.ts';
import { isServed } from './outcome.ts';
import type { DeliveryPolicy } from './policy.ts';
import { backOffMs } from './retry.ts';
import { ServedNotes } from './served-notes.ts';
import { Settler, SETTLE_BACK_OFF, type Attempt } from './settler.ts';

/**
 * Delivers what the store's queue holds, until each recipient is served, refused for good, or given up on.
 * `docs/queue.md` draws the states of an entry and says what a kill does at each point.
 *
 * How mail gets here: *hot*, handed over by the forwarder right after its commit, with the octets still at hand; or
 * *cold*, claimed from the store when it is due. Hot places are reserved before the commit, so an entry is leased
 * at birth if and only if somebody will deliver it; past the bound it is committed without a lease and claimed like any other.
 *
 * Duplicates: the one window is from the final dot to our knowing the reply. A gate lets one message at a time of each
 * downstream into it (`final-gate.ts`), and the reply is noted where a kill can't take it (`served-notes.ts`) in the
 * turn of the event loop that has it; what is noted is settled after the restart and not sent again. So a kill doubles one message at a
 * downstream; more where a downstream takes longer over its reply than the gate has patience. A settlement that the store refuses
 * (disk full) is repeated, and keeps its slot meanwhile: a queue that can't record what it did soon stops doing it.
 *
 * Losses: none. An entry leaves the store only in the same commit that records its last recipient as served, or
 * that stores the notice of its failure. Every exception here leaves the entry as it was, due again when its lease ends.
 */
export interface QueueRunner {
  /** A place for a message that is about to be committed; undefined if it has to wait for its turn in the store. */
  reserve(request: { downstream: string; bytes: number }): HotPlace | undefined;
  /** Says that the store has new entries due for this downstream (or for any). */
  wake(downstream?: string): void;
  /** Goes on with other settings. What is under way ends at the downstream it began with, held open meanwhile by its `hold`. */
  reload(settings: DeliverySettings): void;
  /**
   * Starts nothing more and waits at most `deadlineMs` for what is under way. What waited is still in the store; its
   * lease ends with the next start. Close the downstreams afterwards, then the store.
   */
  stop(deadlineMs: number): Promise<void>;
}

/** A reserved place. Exactly one of both has to be called. */
export interface HotPlace {
  /** The entry is committed, leased until `leaseMs` of the policy from now. */
  deliver(job: Job): void;
  /** The commit failed. */
  cancel(): void;
}

/** What a reload may change. */
export interface DeliverySettings {
  readonly downstreams: ReadonlyMap<string, Downstream>;
  readonly policy: DeliveryPolicy;
  /** Names us in notices. */
  readonly hostname: string;
  /** URI of our OPES system, for the trace in notices. */
  readonly opesSystem: string;
  /** Keeps `downstreams` open until the returned function is called. */
  readonly hold: () => () => void;
}

export interface QueueRunnerOptions extends DeliverySettings {
  readonly store: Store;
  readonly converter: Pick<Converter, 'convert'>;
  readonly log: Log;
  /** Where it is noted what was served; kept between runs. */
  readonly notesPath: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** From 0 to below 1. */
  readonly random?: () => number;
}

export function startQueueRunner(options: QueueRunnerOptions): QueueRunner {
  return new Runner(options);
}

class Runner implements QueueRunner {
  /** Shared with claimer, lanes and settler, so that a reload reaches them. */
  readonly #context: { -readonly [K in keyof QueueRunnerOptions]-?: QueueRunnerOptions[K] } & {
    /** Nothing more is started. */
    readonly signal: AbortSignal;
  };
  readonly #settler: Settler;
  readonly #claimer: Claimer;
  readonly #lanes = new Map<string, Lane>();
  /** Entries whose lease this process uses. A claim may bring them again when the lease ran out before the attempt did. */
  readonly #held = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #abandoned = new AbortController();
  readonly #notes: ServedNotes;
  #poll: NodeJS.Timeout;
  #hotBytes = 0;

  constructor(options: QueueRunnerOptions) {
    const { signal } = this.#stopping;
    this.#context = { now: Date.now, random: Math.random, ...options, signal };
    this.#settler = new Settler(this.#context, this.#abandoned.signal);
    this.#notes = new ServedNotes(options.notesPath, options.log);
    const noted = this.#settleNoted();
    this.#track(noted);
    this.#claimer = new Claimer(this.#context, {
      after: noted,
      lanes: this.#lanes,
      accept: (entries) => this.#accept(entries),
    });
    this.#poll = this.#startPoll();
    this.wake();
  }

  reload({ downstreams, policy, hostname, opesSystem, hold }: DeliverySettings): void {
    Object.assign(this.#context, { downstreams, policy, hostname, opesSystem, hold });
    if (this.#context.signal.aborted) return;
    clearInterval(this.#poll);
    this.#poll = this.#startPoll();
    for (const lane of this.#lanes.values()) this.#pump(lane);
    this.wake();
  }

  reserve({ downstream, bytes }: { downstream: string; bytes: number }): HotPlace | undefined {
    const { policy, downstreams, now } = this.#context;
    const lane = this.#lane(downstream);
    if (this.#context.signal.aborted || !downstreams.has(downstream)) return undefined;
    if (!lane.wantsHot(now()) || this.#hotBytes + bytes > policy.hotBytes) return undefined;
    lane.hotPlaces++;
    this.#hotBytes += bytes;
    const leave = () => {
      lane.hotPlaces--;
      this.#hotBytes -= bytes;
    };
    return {
      deliver: (job) => {
        this.#held.add(job.id);
        const release = () => {
          leave();
          job.release();
        };
        lane.addHot({ ...job, release });
        this.#pump(lane);
      },
      cancel: leave,
    };
  }

  wake(downstream?: string): void {
    if (this.#context.signal.aborted) return;
    if (downstream === undefined) return this.#claimer.wake();
    const lane = this.#lane(downstream);
    lane.backlog = true;
    this.#wakeFor(lane);
  }

  async stop(deadlineMs: number): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#poll);
    for (const lane of this.#lanes.values()) this.#leaveToStore(lane);
    const all = Promise.allSettled([...this.#running, this.#claimer.idle()]);
    try {
      await withDeadline(all, { ms: deadlineMs, what: 'the deliveries under way' });
    } catch (error) {
      const fields = { deliveries: this.#running.size, error: describeError(error) };
      this.#context.log.warn(fields, 'deliveries cut off');
    }
    this.#abandoned.abort();
    this.#notes.close();
  }

  /** What was served before a kill, and perhaps not settled. Nothing is claimed before. */
  async #settleNoted(): Promise<void> {
    const { store, log, random } = this.#context;
    const settlement = { remaining: [], nextAttemptAt: 0, lastReply: '' };
    for (let refusals = 0; ;) {
      try {
        await Promise.all(this.#notes.left.map((id) => store.settle(id, settlement)));
        for (const id of this.#notes.left) this.#notes.settled(id);
        return;
      } catch (error) {
        refusals++;
        log.error(
          { refusals, error: describeError(error) },
          'cannot settle what was served before the start',
        );
        await pause(backOffMs(refusals, { ...SETTLE_BACK_OFF, random }), this.#context.signal);
        if (this.#context.signal.aborted) return;
      }
    }
  }

  #startPoll(): NodeJS.Timeout {
    return setInterval(() => this.wake(), this.#context.policy.pollMs).unref();
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new Lane(name, this.#context);
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  /** Keeps `stop` waiting for it. What is thrown here is a bug or I/O; the entry stays in the store as it was. */
  #track(work: Promise<void>): void {
    const tracked = work
      .catch((error: unknown) =>
        this.#context.log.error({ error: describeError(error) }, 'delivery failed inside'),
      )
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  /** Claims if the lane has room for what the store may hold for it. */
  #wakeFor(lane: Lane): void {
    const now = this.#context.now();
    if (lane.backlog && (lane.wantsMore(now) || lane.wantsProbe(now))) this.#claimer.wake();
  }

  /** Takes claimed entries in; returns how many were not held already. */
  #accept(entries: readonly QueueEntry[]): number {
    const fresh = entries.filter(({ id }) => !this.#held.has(id));
    for (const entry of fresh) {
      this.#held.add(entry.id);
      this.#lane(entry.downstream).addCold(jobOf(entry, this.#context.store));
    }
    for (const name of new Set(fresh.map(({ downstream }) => downstream))) this.#pump(this.#lane(name));
    return fresh.length;
  }

  /** Starts what may start. */
  #pump(lane: Lane): void {
    if (this.#context.signal.aborted) return this.#leaveToStore(lane);
    if (lane.circuit.state(this.#context.now()) === 'resting') {
      for (const job of lane.drain()) this.#track(this.#postpone(lane, job));
      return;
    }
    for (let job = lane.take(this.#context.now()); job !== undefined; job = lane.take(this.#context.now())) {
      lane.busy++;
      this.#track(this.#run(lane, job));
    }
    this.#wakeFor(lane);
  }

  async #run(lane: Lane, job: Job): Promise<void> {
    const { guarded, leave } = lane.gate.place();
    try {
      const replies = await this.#send(job, guarded);
      const noted = isServed(job, replies) && this.#notes.note(job.id);
      if (noted) leave();
      if (lane.circuit.record(replies, this.#context.now())) this.#logRest(lane);
      // What was never reached is due when the rest is over; anything else backs off by itself, so that a message at which
      // the downstream drops the connection is not the one that it is probed with each time.
      const unreached = lane.circuit.state(this.#context.now()) === 'resting' && replies.every(isUnreachable);
      await this.#settle({ job, replies, ...(unreached && { retryAt: lane.circuit.restsUntil }) });
      if (noted) this.#notes.settled(job.id);
    } finally {
      leave();
      this.#letGo(job);
      lane.busy--;
      this.#pump(lane);
    }
  }

  /** Gives an entry back to the store untried, since its downstream rests; bounces it if its time is over. */
  async #postpone(lane: Lane, job: Job): Promise<void> {
    try {
      const replies = sameForAll(job, lane.circuit.lastReply ?? RESTS);
      await this.#settle({ job, replies, retryAt: lane.circuit.restsUntil });
    } finally {
      this.#letGo(job);
    }
  }

  async #settle(attempt: Attempt): Promise<void> {
    const notice = await this.#settler.settle(attempt);
    if (notice !== undefined) this.wake(notice.downstream);
  }

  async #send(job: Job, guarded: (message: ByteSource) => ByteSource): Promise<readonly DownstreamReply[]> {
    const { downstreams, hold, converter, log } = this.#context;
    const { id: queue, transaction } = job;
    const downstream = downstreams.get(job.downstream);
    if (downstream === undefined) {
      return sameForAll(job, reply(451, '4.3.5', `No downstream is named ${job.downstream}`));
    }
    const release = hold();
    const conversions = new Map<LineOctets, Promise<Conversion>>();
    const convert = async (needs: LineOctets): Promise<Converted> => {
      let conversion = conversions.get(needs);
      if (conversion === undefined) {
        log.debug({ queue, transaction, downstream: downstream.name, needs }, 'converting');
        conversion = converter.convert(job.message, needs);
        conversions.set(needs, conversion);
      }
      const converted = await conversion;
      return 'failure' in converted ? converted : { message: guarded(converted.message) };
    };
    try {
      return await downstream.send({ ...job, message: guarded(job.message), convert });
    } catch (error) {
      // The message cannot be read, or a bug: no reason to lose the entry.
      log.error({ queue, transaction, error: describeError(error) }, 'cannot send');
      return sameForAll(job, reply(451, '4.3.0', 'The message cannot be sent for an internal reason'));
    } finally {
      release();
      for (const conversion of conversions.values()) void this.#discard(await conversion);
    }
  }

  async #discard(conversion: Conversion): Promise<void> {
    try {
      if ('discard' in conversion) await conversion.discard();
    } catch (error) {
      this.#context.log.error({ cause: describeError(error) }, 'the spool file was not removed');
    }
  }

  #letGo(job: Job): void {
    this.#held.delete(job.id);
    job.release();
  }

  #leaveToStore(lane: Lane): void {
    for (const job of lane.drain()) this.#letGo(job);
  }

  #logRest(lane: Lane): void {
    const { name, circuit } = lane;
    const last = circuit.lastReply === undefined ? '' : formatReply(circuit.lastReply);
    this.#context.log.warn(
      { downstream: name, reply: last, restMs: circuit.restsUntil - this.#context.now() },
      'downstream rests',
    );
  }
}

const RESTS = reply(451, '4.4.1', 'The downstream cannot be reached');

/** Our own reply, for every recipient. */
function sameForAll({ recipients }: Job, said: DownstreamReply): DownstreamReply[] {
  return recipients.map(() => ({ ...said, local: true }));
}
