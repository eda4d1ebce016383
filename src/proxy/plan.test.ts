import { describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import type { Proposal } from '../ocp/combine.ts';
import { dispositions, oneReply } from './plan.ts';

const proposal = (verdict: Proposal['verdict']): Proposal => ({
  verdict,
  service: 's',
  reason: '',
  reply: verdict === 'tempfail' ? reply(451, '4.7.1', 'later') : reply(550, '5.7.1', 'no'),
});

const kinds = (proposals: (Proposal | undefined)[], options: Parameters<typeof dispositions>[1]) =>
  dispositions(proposals, options).map(({ kind }) => kind);

describe('dispositions', () => {
  it('lets every verdict stand where each recipient gets a reply', () => {
    const options = { perRecipientReplies: true, mixedVerdicts: 'reject', canNotify: true } as const;
    expect(kinds([undefined, proposal('reject'), proposal('tempfail')], options)).toEqual([
      'deliver',
      'reject',
      'tempfail',
    ]);
  });

  it.each([
    ['bounce', ['deliver', 'bounce', 'quarantine']],
    ['reject', ['reject', 'reject', 'reject']],
    ['tempfail', ['tempfail', 'tempfail', 'tempfail']],
  ] as const)('follows the rule %s for one refused among others', (mixedVerdicts, expected) => {
    const given = [undefined, proposal('reject'), proposal('quarantine')];
    expect(kinds(given, { perRecipientReplies: false, mixedVerdicts, canNotify: true })).toEqual(expected);
  });

  it('rejects all where the rule says bounce and no notice can be sent', () => {
    const options = { perRecipientReplies: false, mixedVerdicts: 'bounce', canNotify: false } as const;
    expect(kinds([undefined, proposal('reject')], options)).toEqual(['reject', 'reject']);
    expect(kinds([undefined, proposal('bounce')], options)).toEqual(['reject', 'reject']);
    expect(kinds([undefined, proposal('quarantine')], options)).toEqual(['deliver', 'quarantine']);
  });

  it('rejects by itself what would be bounced and can not be, where each recipient gets a reply', () => {
    const options = { perRecipientReplies: true, mixedVerdicts: 'bounce', canNotify: false } as const;
    expect(kinds([undefined, proposal('bounce')], options)).toEqual(['deliver', 'reject']);
  });

  it('tempfails all if one is to come back later', () => {
    const options = { perRecipientReplies: false, mixedVerdicts: 'bounce', canNotify: true } as const;
    expect(kinds([undefined, proposal('tempfail'), proposal('reject')], options)).toEqual([
      'tempfail',
      'tempfail',
      'tempfail',
    ]);
  });

  it('rejects without a rule where all are refused', () => {
    const options = { perRecipientReplies: false, mixedVerdicts: 'bounce', canNotify: true } as const;
    expect(kinds([proposal('reject'), proposal('reject')], options)).toEqual(['reject', 'reject']);
  });
});

describe('oneReply', () => {
  it('says 250 if one was taken, 4xx if one may be later, else the refusal', () => {
    expect(oneReply([reply(550, '5.1.1'), reply(250, '2.0.0')]).code).toBe(250);
    expect(oneReply([reply(550, '5.1.1'), reply(451, '4.3.0')]).code).toBe(451);
    expect(oneReply([reply(550, '5.1.1')]).code).toBe(550);
    expect(oneReply([]).code).toBe(451);
  });
});
