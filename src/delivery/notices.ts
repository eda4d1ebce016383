import { newId } from '../base/ids.ts';
import type { Log } from '../base/log.ts';
import { Rate } from '../base/rate.ts';
import { spoolOf } from '../base/spool.ts';
import { domainOf, normalAddress, sameAddress } from '../mail/address.ts';
import type { Recipient } from '../mail/envelope.ts';
import { indexHeader, type HeaderIndex } from '../mail/header-index.ts';
import { imageOf } from '../mail/image.ts';
import { composeNotice } from '../mail/notice.ts';
import type { Notice, NoticeOrder } from '../ocp/notice.ts';
import type { NewQueueEntry } from '../store/store.ts';
import { paramsFor } from './bounce.ts';
import type { DeliveryPolicy } from './policy.ts';

/** What the operator says of notices. */
export interface NoticeSettings {
  readonly from: string;
  readonly postmaster: string;
  /** For all services together. */
  readonly perHour: number;
  readonly perRecipientPerHour: number;
}

const HOUR_MS = 60 * 60_000;

/**
 * Makes queue entries of the notices that services propose, as far as they may be sent (RFC 3834): nobody is told of what looks
 * automatic, no sender of what came over a list, and nobody more often than the limits say. What is not sent is in the log.
 * It is kept over reloads, so that a limit is one limit.
 */
export class Notices {
  readonly #addresses: Rate;
  readonly #services: Rate;
  readonly #all: Rate;
  /** Counted since the start. */
  #overLimits = 0;

  constructor(nowMs?: () => number) {
    [this.#addresses, this.#services, this.#all] = [
      new Rate(nowMs, HOUR_MS),
      new Rate(nowMs, HOUR_MS),
      new Rate(nowMs, HOUR_MS),
    ];
  }

  entriesFor(
    orders: readonly NoticeOrder[],
    about: {
      readonly transaction: string;
      readonly policy: DeliveryPolicy;
      readonly settings: NoticeSettings;
      readonly hostname: string;
      readonly log: Log;
      readonly now: number;
    },
  ): NewQueueEntry[] {
    const { transaction, policy, settings, hostname, log, now } = about;
    const seen = new Set<string>();
    return orders.flatMap((order) => {
      const { service, notice, sender, headers } = order;
      const refuse = (to: string, reason: string): [] => {
        log.info({ transaction, service, to, reason }, 'a notice is not sent');
        return [];
      };
      const automatic = loopReason(order, settings);
      if (automatic !== undefined) return refuse(notice.to, automatic);
      return addressesFor(order, { policy, settings }).flatMap(({ address, downstream, shown }) => {
        // Asked once about each part of the recipients, a service may say the same to one reader again.
        const once = JSON.stringify([service, normalAddress(address), notice.subject, notice.text]);
        if (seen.has(once)) return [];
        seen.add(once);
        if (sameAddress(address, settings.from)) return refuse(address, 'it is our own address of notices');
        if (downstream === undefined) {
          log.warn(
            { transaction, service, to: address, reason: noRouteReason(notice) },
            'a notice is not sent',
          );
          return [];
        }
        const limit = this.#limitMet(address, { order, settings });
        if (limit !== undefined) {
          this.#overLimits += 1;
          log.warn(
            { transaction, service, to: address, limit, overLimits: this.#overLimits },
            'a notice is over the limits',
          );
          return [];
        }
        const message = composeNotice({
          id: newId(),
          date: new Date(now),
          hostname,
          from: settings.from,
          to: address,
          isAnswer: notice.to === 'sender',
          subject: notice.subject,
          text: notice.text,
          service,
          transaction,
          sender,
          recipients: shown,
          header: headers,
        });
        return {
          transaction,
          image: imageOf(spoolOf(message).handle),
          sender: { address: '', params: paramsFor(message, address) },
          recipients: [{ address, params: {} } satisfies Recipient],
          downstream,
          now,
          nextAttemptAt: now,
          expiresAt: now + policy.giveUpAfterMs,
        };
      });
    });
  }

  #limitMet(
    address: string,
    { order, settings }: { order: NoticeOrder; settings: NoticeSettings },
  ): string | undefined {
    const { service, perHour } = order;
    if (!this.#addresses.take(normalAddress(address), settings.perRecipientPerHour))
      return 'notices.perRecipientPerHour';
    if (!this.#services.take(service, perHour)) return `services.${service}.grants.notify.perHour`;
    return this.#all.take('', settings.perHour) ? undefined : 'notices.perHour';
  }
}

/** To whom, by which downstream, and which recipients each may see: nobody reads of others that were hidden. */
function addressesFor(
  { notice, sender, recipients }: NoticeOrder,
  { policy, settings }: { policy: DeliveryPolicy; settings: NoticeSettings },
): { address: string; downstream: string | undefined; shown: readonly string[] }[] {
  const all = recipients.map(({ address }) => address);
  switch (notice.to) {
    case 'recipients':
      return recipients.map(({ address, downstream }) => ({ address, downstream, shown: [address] }));
    case 'sender':
      return [{ address: sender, downstream: policy.bounceDownstream(sender), shown: all }];
    case 'postmaster': {
      const { postmaster } = settings;
      return [{ address: postmaster, downstream: policy.bounceDownstream(postmaster), shown: all }];
    }
  }
}

/** As `check` says it, where it can know. */
function noRouteReason({ to }: Notice): string {
  return to === 'postmaster'
    ? 'nothing takes notices to it; set postmaster to an address in the domains of a listener, or bounce.downstream'
    : 'nothing takes notices to it; set bounce.downstream';
}

/** Why a notice about this mail could be the next step of a loop, or tell people what they did not ask. */
function loopReason({ notice, sender, headers }: NoticeOrder, { from }: NoticeSettings): string | undefined {
  if (sender === '') return 'the sender is null';
  if (sameAddress(sender, from)) return 'it comes from our own address of notices';
  const header = indexHeader(headers);
  // RFC 3834 section 2. `no`, perhaps with parameters, is the one value for mail of people.
  const submitted = header.first('Auto-Submitted');
  if (submitted !== undefined && !/^no\s*(?:;|\(|$)/i.test(submitted)) return 'it is marked as automatic';
  return notice.to === 'sender' ? bulkReason(sender, header) : undefined;
}

function bulkReason(sender: string, header: HeaderIndex): string | undefined {
  const isList = ['List-Id', 'List-Post', 'List-Unsubscribe', 'List-Help', 'Mailing-List'].some(
    (name) => header.find(name) !== undefined,
  );
  if (isList) return 'it came over a list';
  if (/^(?:bulk|list|junk)\b/i.test(header.first('Precedence') ?? '')) return 'it is marked as bulk';
  const local = sender.slice(0, -domainOf(sender).length - 1);
  return /^(?:owner-.*|.*-(?:request|owner|bounces?)|mailer-daemon)$/i.test(local)
    ? 'its sender is a program'
    : undefined;
}
