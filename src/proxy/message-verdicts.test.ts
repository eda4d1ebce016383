import { describe, expect, it } from 'vitest';
import type { Decision } from '../ocp/decision.ts';
import { ANN, atMessage, BEN, CID, judging, marking } from './message-testing.ts';
import { belowTrace, ProxyBench, TEXT, type ScriptedService } from './proxy-testing.ts';

describe('verdicts that differ between recipients', () => {
  const services = { s: judging({ [ANN]: 'reject', [BEN]: 'accept' }) };
  const recipients = [ANN, BEN];

  it('by LMTP get a reply each', async () => {
    const all = [ANN, BEN, CID, 'dan@example.com', 'eve@example.com'];
    const s = judging({
      [ANN]: 'reject',
      [BEN]: 'tempfail',
      [CID]: 'quarantine',
      'dan@example.com': 'bounce',
    });
    const bench = new ProxyBench({ services: { s }, listener: { protocol: 'lmtp' } });
    const codes = await bench.converse({ recipients: all });
    expect(codes.message).toEqual([550, 451, 250, 250, 250]);
    expect(bench.delivered).toMatchObject([{ recipients: ['eve@example.com'] }]);
    expect(bench.kept).toEqual({
      queue: [],
      quarantine: [`<bob@example.net> ${CID} at mx by s`],
      bounces: ['<bob@example.net> dan@example.com 550'],
    });
  });

  it('by SMTP are one 250 and a notice, where the listener says bounce', async () => {
    const bench = new ProxyBench({ services, listener: { mixedVerdicts: 'bounce' } });
    expect((await bench.converse({ recipients })).message).toEqual([250]);
    expect(bench.delivered).toMatchObject([{ recipients: [BEN] }]);
    expect(bench.kept.bounces).toEqual([`<bob@example.net> ${ANN} 550`]);
  });

  it('by SMTP are a refusal for all, where the listener says bounce and no notice can be sent', async () => {
    const noWay = new ProxyBench({ services, listener: { mixedVerdicts: 'bounce' }, canNotify: false });
    expect((await noWay.converse({ recipients })).message).toEqual([550]);
    const nullSender = new ProxyBench({ services, listener: { mixedVerdicts: 'bounce' } });
    expect((await nullSender.converse({ recipients, sender: '' })).message).toEqual([550]);
    for (const { delivered, stored } of [noWay, nullSender]) expect([delivered, stored]).toEqual([[], []]);
  });

  it.each([
    ['reject', 550],
    ['tempfail', 451],
  ] as const)('by SMTP are a refusal for all, where the listener says %s', async (mixedVerdicts, code) => {
    const bench = new ProxyBench({ services, listener: { mixedVerdicts } });
    expect((await bench.converse({ recipients })).message).toEqual([code]);
    expect([bench.delivered, bench.stored]).toEqual([[], []]);
  });

  it('by SMTP are a tempfail for all if one is to come back, whatever the listener says', async () => {
    const s = judging({ [ANN]: 'tempfail', [BEN]: 'quarantine' });
    for (const mixedVerdicts of ['bounce', 'reject', 'tempfail'] as const) {
      const bench = new ProxyBench({ services: { s }, listener: { mixedVerdicts } });
      expect((await bench.converse({ recipients: [ANN, BEN, CID] })).message).toEqual([451]);
      expect([bench.delivered, bench.stored]).toEqual([[], []]);
    }
  });

  it('at RCPT refuse that recipient alone', async () => {
    const s: ScriptedService = {
      says: { rcpt: ({ recipients: [one] = [] }) => (one!.address === ANN ? { verdict: 'reject' } : {}) },
    };
    const bench = new ProxyBench({ services: { s } });
    const codes = await bench.converse({ recipients });
    expect([codes.rcpt, codes.message]).toEqual([[550, 250], [250]]);
    expect(bench.relayed).not.toContain(`RCPT <${ANN}> at mx`);
    expect(bench.delivered).toMatchObject([{ recipients: [BEN] }]);
    expect(bench.lines.at(-1)!.fields).toMatchObject({ refused: [{ address: ANN }], recipients: [BEN] });
  });

  it.each([
    ['reject', [550], []],
    ['quarantine', [250], ['<bob@example.net> new@example.com at elsewhere by judge']],
  ] as const)(
    'at RCPT count too when a service names the recipient as another one has rewritten it: %s',
    async (verdict, codes, quarantine) => {
      const bench = new ProxyBench({
        services: {
          alias: { says: { rcpt: () => ({ rewrite: 'new@example.com' }) } },
          judge: {
            says: {
              rcpt: ({ recipients: [one] = [] }) => ({
                recipients: [{ address: one!.address, verdict, nextHop: 'elsewhere' }],
              }),
            },
          },
        },
      });
      expect((await bench.converse()).rcpt).toEqual(codes);
      expect(bench.asked.at(-1)!.facts.recipients).toMatchObject([
        { address: 'new@example.com', original: ANN },
      ]);
      expect(bench.kept.quarantine).toEqual(quarantine);
    },
  );

  it('at DATA refuse the command only if all are refused, and for now if one may come back', async () => {
    const of = (verdict: Decision['verdict'], domain: string): ScriptedService => ({
      when: { recipientDomain: [domain] },
      says: { data: () => ({ verdict }) },
    });
    const some = new ProxyBench({
      services: { s: of('reject', 'example.com') },
      listener: { protocol: 'lmtp' },
    });
    const codes = await some.converse({ recipients: [ANN, CID] });
    expect([codes.data, codes.message]).toEqual([354, [550, 250]]);
    expect(some.delivered).toMatchObject([{ recipients: [CID] }]);

    const mixed = { s: of('reject', 'example.com'), t: of('tempfail', 'example.org') };
    const all = await new ProxyBench({ services: mixed }).converse({ recipients: [ANN, CID] });
    expect([all.data, all.message]).toEqual([451, []]);
  });
});

describe('variants', () => {
  const services = {
    both: { says: { message: () => ({}) }, edit: marking('X-Both: 1') },
    com: {
      when: { recipientDomain: ['example.com'] },
      says: { message: () => ({}) },
      edit: marking('X-Com: 1'),
    },
  };

  it.each(['through', 'queue'] as const)(
    'each recipient gets the message of its own part, %s',
    async (mode) => {
      const bench = new ProxyBench({ services, listener: { mode } });
      const codes = await bench.converse({ recipients: [ANN, CID, BEN] });
      expect(codes.message).toEqual([250]);
      const variants = await bench.forwarded();
      expect(variants.map(({ recipients, text }) => [recipients, belowTrace(text)])).toEqual([
        [[ANN, BEN], `X-Com: 1\r\nX-Both: 1\r\n${TEXT}`],
        [[CID], `X-Both: 1\r\n${TEXT}`],
      ]);
    },
  );

  it('the trace names a recipient only where it is the only one', async () => {
    const bench = new ProxyBench({ services });
    await bench.converse({ recipients: [ANN, CID, BEN] });
    const [first, second] = bench.delivered;
    expect(first!.text).not.toMatch(/^\tfor </m);
    expect(second!.text).toContain(`for <${CID}>`);
  });

  it('a changed message is announced with its own size', async () => {
    const bench = new ProxyBench({ services, listener: { mode: 'queue' } });
    const { handler } = bench;
    await handler.mail({ address: 'bob@example.net', params: { SIZE: String(TEXT.length) } });
    await handler.rcpt({ address: ANN, params: {} });
    await handler.data();
    await handler.message(bench.spool());
    const [variant] = bench.stored[0]!.queue;
    expect(variant!.sender.params).toEqual({ SIZE: String(variant!.source.size) });
  });

  it('what is quarantined is one entry a recipient, and its octets are there once', async () => {
    const many = Array.from({ length: 20 }, (_, at) => `r${at}@example.com`);
    const bench = new ProxyBench({ services: { s: atMessage({ verdict: 'quarantine', reason: 'odd' }) } });
    await bench.converse({ recipients: many });
    const { quarantine } = bench.stored[0]!;
    expect(quarantine.map(({ recipients }) => recipients.map(({ address }) => address))).toEqual(
      many.map((address) => [address]),
    );
    expect(quarantine[0]).toMatchObject({ service: 's', reason: 'odd', downstream: 'mx' });
    expect(new Set(quarantine.map(({ image }) => image)).size).toBe(1);
  });
});
