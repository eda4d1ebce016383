import type { ByteSource } from '../base/bytes.ts';
import type { Log } from '../base/log.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import type { MessageImage } from '../mail/image.ts';
import type { Reply } from '../mail/reply.ts';
import type { IncidentReport } from '../ocp/incident.ts';
import type { NoticeOrder } from '../ocp/notice.ts';
import type { Downstream } from '../smtp/transaction.ts';
import type { NewQuarantineEntry, NewQueueEntry, Store } from '../store/store.ts';
import { bounceOf, canNotify } from './bounce.ts';
import { incidentLine } from './incidents/log-line.ts';
import type { IncidentRunner } from './incidents/runner.ts';
import type { Notices, NoticeSettings } from './notices.ts';
import type { DeliveryPolicy } from './policy.ts';
import type { HotPlace, QueueRunner } from './queue-runner.ts';
import { ThroughRelay } from './through.ts';

/** Mail that the proxy hands over for good. What the proxy calls it is in `proxy/forwarder.ts`. */
export interface MailToStore {
  readonly transaction: string;
  readonly queue: readonly {
    readonly image: MessageImage;
    /** The octets of `image`. */
    readonly source: ByteSource;
    readonly sender: Sender;
    readonly recipients: readonly Recipient[];
    readonly downstream: string;
  }[];
  readonly quarantine: readonly Omit<NewQuarantineEntry, 'transaction' | 'now'>[];
  readonly bounces: readonly {
    readonly sender: Sender;
    readonly recipients: readonly {
      readonly recipient: Recipient;
      readonly reply: Reply;
      readonly remote?: string;
      readonly service?: string;
    }[];
    readonly headers: Uint8Array;
    readonly arrivedAt: number;
  }[];
  readonly notices?: readonly NoticeOrder[];
  readonly incidents?: readonly IncidentReport[];
}

export interface ForwarderOptions {
  readonly store: Store;
  readonly runner: QueueRunner;
  readonly downstreams: ReadonlyMap<string, Downstream>;
  readonly policy: DeliveryPolicy;
  readonly notices: Notices;
  readonly noticeSettings: NoticeSettings;
  readonly incidents: IncidentRunner;
  readonly log: Log;
  readonly hostname: string;
  readonly opesSystem: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** The two ways to forward: through, where the downstream's reply is the client's, and queue. */
export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #now: () => number;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /** True if a notice to this sender could be sent. Whoever orders a bounce asks first. */
  canNotify(sender: string): boolean {
    return canNotify(sender, this.#options.policy);
  }

  async extensions(downstream: string): Promise<ReadonlyMap<string, string>> {
    return (await this.#options.downstreams.get(downstream)?.extensions()) ?? new Map();
  }

  through(): ThroughRelay {
    return new ThroughRelay(this.#options.downstreams);
  }

  /**
   * Commits all of the mail or none, and starts the deliveries for which there is room. Resolves once it is on disk.
   * `released` then resolves (never rejects) when no delivery reads the sources any more: only then may their spools
   * be discarded. If this rejects (OperationalError `store_unavailable`), the sources are the caller's at once.
   */
  async store(
    mail: MailToStore,
  ): Promise<{ readonly ids: readonly string[]; readonly released: Promise<void> }> {
    const { store, runner, policy, log } = this.#options;
    const now = this.#now();
    const times = { now, nextAttemptAt: now, expiresAt: now + policy.giveUpAfterMs };
    const { transaction } = mail;
    // Whatever comes of the store.
    for (const report of mail.incidents ?? []) incidentLine(report, log);
    const incidents = this.#options.incidents.hasSinks ? (mail.incidents ?? []) : [];

    const places = mail.queue.map(({ downstream, image }) =>
      runner.reserve({ downstream, bytes: memoryOf(image) }),
    );
    const leased = (place: HotPlace | undefined) =>
      place === undefined ? {} : { leaseUntil: now + policy.leaseMs };
    const variants = mail.queue.map(({ source: _source, ...variant }, at) => {
      return { ...variant, transaction, ...times, ...leased(places[at]) };
    });
    const quarantine = mail.quarantine.map((order) => ({ ...order, transaction, now }));
    let notices: NewQueueEntry[];
    let ids: { queue: string[]; quarantine: string[] };
    try {
      notices = this.#noticesOf(mail, now);
      const queue = [...variants, ...notices];
      const nothing = queue.length + quarantine.length + incidents.length === 0;
      ids = nothing ? { queue: [], quarantine: [] } : await store.commit({ queue, quarantine, incidents });
    } catch (error) {
      for (const place of places) place?.cancel();
      throw error;
    }

    const uses = mail.queue.map(({ source: message, image: _image, ...variant }, at) => {
      const job = { ...variant, id: ids.queue[at]!, transaction, message, createdAt: now, ...FRESH };
      return new Promise<void>((release) => {
        places[at]?.deliver({ ...job, expiresAt: times.expiresAt, release });
        if (places[at] === undefined) release();
      });
    });
    for (const [at, { downstream }] of [...variants, ...notices].entries()) {
      if (places[at] === undefined) runner.wake(downstream);
    }
    if (incidents.length > 0) this.#options.incidents.wake();
    return { ids: [...ids.queue, ...ids.quarantine], released: allOf(uses) };
  }

  #noticesOf({ bounces, notices = [], transaction }: MailToStore, now: number): NewQueueEntry[] {
    const bounced = bounces.map(
      ({ recipients: failures, ...order }) =>
        bounceOf({ ...order, failures, transaction }, { ...this.#options, now: () => now }).notice,
    );
    const { noticeSettings: settings, ...options } = this.#options;
    return [
      ...bounced.filter((notice) => notice !== undefined),
      ...options.notices.entriesFor(notices, { ...options, transaction, settings, now }),
    ];
  }
}

async function allOf(promises: readonly Promise<void>[]): Promise<void> {
  await Promise.all(promises);
}

const FRESH = { attempts: 0, lastReply: '' };

/** Octets of memory that the image holds while it waits. A spooled file costs none. */
function memoryOf({ spool, pieces }: MessageImage): number {
  const added = pieces.reduce((sum, piece) => sum + (piece.from === 'added' ? piece.bytes.length : 0), 0);
  return added + (spool.kind === 'memory' ? spool.size : 0);
}
