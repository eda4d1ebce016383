import type { Proposal } from '../ocp/combine.ts';
import { reply, type Reply } from '../mail/reply.ts';

/**
 * From verdicts to dispositions. Pure.
 *
 * An LMTP client hears about each recipient, so each one's verdict stands by itself. An SMTP client hears one
 * reply for all: if services refuse some recipients and not others, the listener's rule decides, and nothing is
 * silently lost:
 *
 * - `bounce`: the message is accepted, the refused recipients are bounced to the sender;
 * - `reject`, `tempfail`: nobody gets it, the client hears the refusal.
 *
 * Where no notice to the sender can be sent (`canNotify`), nobody would ever hear of a bounce: the rule `bounce` then
 * acts as `reject`, and so does the verdict.
 *
 * A tempfail beside an accept is always a tempfail for all: it can't be bounced, and trying again later is safe since nothing
 * has been delivered yet.
 */
export type MixedVerdicts = 'bounce' | 'reject' | 'tempfail';

export type Disposition =
  | { readonly kind: 'deliver' }
  | {
      readonly kind: 'quarantine' | 'discard' | 'bounce' | 'reject' | 'tempfail';
      readonly proposal: Proposal;
    };

/** One disposition for each proposal, in order. */
export function dispositions(
  proposed: readonly (Proposal | undefined)[],
  options: {
    readonly perRecipientReplies: boolean;
    readonly mixedVerdicts: MixedVerdicts;
    readonly canNotify: boolean;
  },
): Disposition[] {
  const { canNotify, perRecipientReplies } = options;
  const proposals = proposed.map((proposal) =>
    proposal?.verdict === 'bounce' && !canNotify ? { ...proposal, verdict: 'reject' as const } : proposal,
  );
  const own = proposals.map((proposal): Disposition =>
    proposal === undefined ? { kind: 'deliver' } : { kind: proposal.verdict, proposal },
  );
  if (perRecipientReplies) return own;

  const tempfail = proposals.find((proposal) => proposal?.verdict === 'tempfail');
  const reject = proposals.find((proposal) => proposal?.verdict === 'reject');
  const refused = own.filter(({ kind }) => kind === 'reject' || kind === 'tempfail').length;
  if (tempfail !== undefined) return own.map(() => ({ kind: 'tempfail', proposal: tempfail }));
  if (reject === undefined || refused === own.length) return own;

  const { mixedVerdicts } = options;
  switch (mixedVerdicts === 'bounce' && !canNotify ? 'reject' : mixedVerdicts) {
    case 'bounce':
      return own.map((one) =>
        one.kind === 'reject' ? { kind: 'bounce', proposal: { ...one.proposal, verdict: 'bounce' } } : one,
      );
    case 'reject':
      return own.map(() => ({ kind: 'reject', proposal: reject }));
    case 'tempfail': {
      const later = reply(
        451,
        '4.7.1',
        'Some recipients are refused and others are not; send to each separately',
      );
      return own.map(() => ({
        kind: 'tempfail',
        proposal: { ...reject, verdict: 'tempfail', reply: later },
      }));
    }
  }
}

/** The one reply to a client that can hear only one: the first negative one if all are, 4xx before 5xx; else the first positive. */
export function oneReply(replies: readonly Reply[]): Reply {
  const positive = replies.find(({ code }) => code < 400);
  const transient = replies.find(({ code }) => code >= 400 && code < 500);
  return positive ?? transient ?? replies[0] ?? reply(451, '4.3.0', 'No recipient was left');
}
