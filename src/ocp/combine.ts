import { reply, type Reply } from '../mail/reply.ts';
import type { Decision, DecisionReply, Verdict } from './decision.ts';
import type { ServiceNotification } from './notice.ts';
import { policyOn, type OutcomeFailure, type Service, type ServiceOutcome } from './service.ts';

/**
 * How the decisions of several services become one for each recipient. Plugins propose; this is the policy:
 *
 * - a service in `monitor` changes nothing;
 * - for each recipient the strongest verdict wins: reject, tempfail, quarantine, bounce, discard, accept. Those that tell the
 *   sender come first, then the one that keeps the mail, so that no combination loses more than its parts;
 * - among equals the first service gives the reply and the reason;
 * - of replacements, next hops, folders, senders and rewrites the last one holds: later services are asked later.
 */
export interface Combined {
  /** The strongest proposal for the command or for all recipients; undefined means accept. */
  readonly overall?: Proposal;
  /** What differs for single recipients, by the address in the facts; includes `overall` where that is stronger. */
  readonly recipients: ReadonlyMap<string, CombinedRecipient>;
  readonly disconnect: boolean;
  readonly rewrite?: string;
  readonly sender?: string;
  readonly addRecipients: readonly string[];
  readonly nextHop?: string;
  readonly folder?: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly score: number;
  /** In the order proposed. */
  readonly notifications: readonly ServiceNotification[];
}

export interface CombinedRecipient {
  readonly proposal?: Proposal;
  readonly replace?: readonly string[];
  readonly nextHop?: string;
  readonly folder?: string;
}

/** A verdict other than `accept`, with who said it and what the client is told. */
export interface Proposal {
  readonly verdict: Exclude<Verdict, 'accept'>;
  /** For `reject` and `tempfail`. */
  readonly reply: Reply;
  readonly service: string;
  readonly reason: string;
}

const STRENGTH: Readonly<Record<Verdict, number>> = {
  accept: 0,
  discard: 1,
  bounce: 2,
  quarantine: 3,
  tempfail: 4,
  reject: 5,
};

/** The strongest of these verdicts; `accept` of none. */
export const strongest = (verdicts: readonly Verdict[]): Verdict =>
  verdicts.reduce((first, second) => (STRENGTH[second] > STRENGTH[first] ? second : first), 'accept');

/** The stronger of two proposals, the first if they are equal. */
export function stronger(first: Proposal | undefined, second: Proposal | undefined): Proposal | undefined {
  if (first === undefined) return second;
  if (second === undefined) return first;
  return STRENGTH[second.verdict] > STRENGTH[first.verdict] ? second : first;
}

/** Whose failure is to hold the mail in the quarantine, whatever its policy, and why. */
export interface Holding {
  readonly service: string;
  readonly reason: string;
}

/** Combines the outcomes of one group run, in the order asked. `services` are those of the outcomes. */
export function combine(
  outcomes: readonly ServiceOutcome[],
  services: ReadonlyMap<string, Service>,
  holding?: Holding,
): Combined {
  let overall: Proposal | undefined;
  const recipients = new Map<string, CombinedRecipient>();
  let disconnect = false;
  let rewrite: string | undefined;
  let sender: string | undefined;
  let nextHop: string | undefined;
  let folder: string | undefined;
  const addRecipients: string[] = [];
  const tags: Record<string, string> = {};
  let score = 0;
  const notifications: ServiceNotification[] = [];

  for (const outcome of outcomes) {
    const service = services.get(outcome.service);
    if (service === undefined || service.mode === 'monitor') continue;
    const { result } = outcome;
    if (result.kind === 'notAsked') continue;
    if (result.kind === 'failure') {
      const held = holding?.service === service.name ? holdingProposal(holding) : undefined;
      overall = stronger(overall, held ?? failureProposal(service, result.failure));
      continue;
    }
    const { decision } = result;
    overall = stronger(overall, proposalOf(service.name, decision, decision));
    for (const single of decision.recipients ?? []) {
      const before = recipients.get(single.address);
      const proposal = stronger(before?.proposal, proposalOf(service.name, single, decision));
      const replace = single.replace ?? before?.replace;
      const hop = single.nextHop ?? before?.nextHop;
      const own = single.folder ?? before?.folder;
      recipients.set(single.address, {
        ...(proposal && { proposal }),
        ...(replace && { replace }),
        ...(hop !== undefined && { nextHop: hop }),
        ...(own !== undefined && { folder: own }),
      });
    }
    disconnect ||= decision.disconnect ?? false;
    rewrite = decision.rewrite ?? rewrite;
    sender = decision.sender ?? sender;
    nextHop = decision.nextHop ?? nextHop;
    folder = decision.folder ?? folder;
    addRecipients.push(...(decision.addRecipients ?? []));
    Object.assign(tags, decision.tags);
    score += decision.score ?? 0;
    for (const notification of outcome.notifications ?? [])
      notifications.push({
        service: service.name,
        perHour: service.grants.notify?.perHour ?? 0,
        notification,
      });
  }

  return {
    ...(overall && { overall }),
    recipients,
    disconnect,
    ...(rewrite !== undefined && { rewrite }),
    ...(sender !== undefined && { sender }),
    ...(nextHop !== undefined && { nextHop }),
    ...(folder !== undefined && { folder }),
    addRecipients,
    tags,
    score,
    notifications,
  };
}

function proposalOf(
  service: string,
  proposed: { verdict?: Verdict | undefined; reply?: DecisionReply | undefined },
  decision: Decision,
): Proposal | undefined {
  const { verdict } = proposed;
  if (verdict === undefined || verdict === 'accept') return undefined;
  return {
    verdict,
    service,
    reason: decision.reason ?? '',
    reply: replyFor(verdict, proposed.reply ?? decision.reply),
  };
}

// A code of the other class than the verdict would make the client bounce what should be tried again, or the reverse:
// the verdict counts, the text is kept.
function replyFor(verdict: Verdict, proposed: DecisionReply | undefined): Reply {
  const standard =
    verdict === 'tempfail' ? { code: 451, enhanced: '4.7.1' } : { code: 550, enhanced: '5.7.1' };
  const text =
    proposed?.text ||
    (verdict === 'tempfail' ? 'Not accepted for the moment, try again later' : 'Refused by local policy');
  const sameClass =
    proposed !== undefined && Math.floor(proposed.code / 100) === Math.floor(standard.code / 100);
  const code = sameClass ? proposed.code : standard.code;
  const enhanced =
    sameClass && proposed.enhanced?.startsWith(standard.enhanced[0]!) ? proposed.enhanced : standard.enhanced;
  return reply(code, enhanced, text);
}

const OUT_OF_ORDER = reply(451, '4.7.1', 'A filter is out of order, try again later');

const holdingProposal = (holding: Holding): Proposal => ({
  verdict: 'quarantine',
  ...holding,
  reply: OUT_OF_ORDER,
});

function failureProposal(service: Service, failure: OutcomeFailure): Proposal | undefined {
  const policy = policyOn(failure, service);
  if (policy === 'accept') return undefined;
  if (failure === 'overload') {
    const reason = `no thread was free for the service ${service.name}`;
    const busy = reply(451, '4.3.2', 'Too busy to filter this now, try again later');
    return { verdict: policy, service: service.name, reason, reply: busy };
  }
  const common = { service: service.name, reason: `the service ${service.name} failed` };
  switch (policy) {
    case 'tempfail':
      return { verdict: 'tempfail', ...common, reply: OUT_OF_ORDER };
    case 'quarantine':
      return holdingProposal(common);
    case 'reject':
      return { verdict: 'reject', ...common, reply: reply(554, '5.7.1', 'A filter is out of order') };
  }
}
