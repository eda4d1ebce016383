import { describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import { ANN, atMessage, BEN, CID, judging, later } from './message-testing.ts';
import { belowTrace, ProxyBench, TEXT, type ScriptedService } from './proxy-testing.ts';

describe('replies of the downstream, through mode', () => {
  it.each([
    ['mail', { mail: () => reply(450, '4.7.0', 'greylisted') }, { mail: 450 }],
    ['rcpt', { rcpt: () => reply(550, '5.1.1', 'No such user') }, { mail: 250, rcpt: [550] }],
    [
      'message',
      { deliver: () => reply(554, '5.6.0', 'Not that') },
      { mail: 250, rcpt: [250], message: [554] },
    ],
  ] as const)('at %s are the client’s', async (_, surroundings, expected) => {
    const bench = new ProxyBench(surroundings);
    expect(await bench.converse()).toMatchObject(expected);
    expect(bench.stored).toEqual([]);
    expect(bench.holds).toEqual([1]);
  });

  const mixed = (address: string) =>
    ({ [ANN]: reply(250, '2.0.0'), [BEN]: reply(452, '4.2.2', 'full') })[address] ??
    reply(550, '5.1.1', 'gone');

  it('under a 250 are made good: 4xx is queued, 5xx is bounced', async () => {
    const bench = new ProxyBench({ deliver: mixed });
    expect((await bench.converse({ recipients: [CID, BEN, ANN] })).message).toEqual([250]);
    expect(bench.kept).toEqual({
      queue: [`<bob@example.net> ${BEN} at mx`],
      quarantine: [],
      bounces: [`<bob@example.net> ${CID} 550`],
    });
    const { source } = bench.stored[0]!.queue[0]!;
    expect(belowTrace(Buffer.from(await source.read(0, source.size)).toString())).toBe(TEXT);
  });

  it('under a 250 are kept in the quarantine where no notice can be sent', async () => {
    const bench = new ProxyBench({ deliver: mixed, canNotify: false });
    expect((await bench.converse({ recipients: [CID, BEN, ANN] })).message).toEqual([250]);
    expect(bench.kept).toEqual({
      queue: [`<bob@example.net> ${BEN} at mx`],
      quarantine: [`<bob@example.net> ${CID} at mx by delivery`],
      bounces: [],
    });
    expect(bench.stored[0]!.quarantine[0]!.reason).toBe('cannot be delivered or bounced: 550 5.1.1 gone');
  });

  it('by LMTP are each one’s own, and nothing is made good', async () => {
    const bench = new ProxyBench({ deliver: mixed, listener: { protocol: 'lmtp' } });
    expect((await bench.converse({ recipients: [CID, BEN, ANN] })).message).toEqual([550, 452, 250]);
    expect(bench.stored).toEqual([]);
  });

  it('that refuse all are the client’s, the 4xx first', async () => {
    const bench = new ProxyBench({ deliver: mixed });
    expect((await bench.converse({ recipients: [CID, BEN] })).message).toEqual([452]);
    expect(bench.stored).toEqual([]);
  });

  it('beside mail that was held make 250, so what was refused is made good', async () => {
    const bench = new ProxyBench({ deliver: mixed, services: { s: judging({ [ANN]: 'quarantine' }) } });
    expect((await bench.converse({ recipients: [ANN, BEN, CID] })).message).toEqual([250]);
    expect(bench.kept).toEqual({
      queue: [`<bob@example.net> ${BEN} at mx`],
      quarantine: [`<bob@example.net> ${ANN} at mx by s`],
      bounces: [`<bob@example.net> ${CID} 550`],
    });
  });

  it('to an added recipient are made good if anybody got the mail', async () => {
    const services = { s: atMessage({ addRecipients: [BEN] }) };
    const taken = new ProxyBench({ deliver: mixed, services });
    expect((await taken.converse({ recipients: [ANN] })).message).toEqual([250]);
    expect(taken.kept.queue).toEqual([`<bob@example.net> ${BEN} at mx`]);
    const refused = new ProxyBench({ deliver: mixed, services });
    expect((await refused.converse({ recipients: [CID] })).message).toEqual([550]);
    expect(refused.stored).toEqual([]);
  });
});

describe('when something of ours fails', () => {
  const failing = (from: number) => {
    let calls = 0;
    return (): void => {
      calls += 1;
      if (calls >= from) throw new Error('disk full');
    };
  };

  it.each([
    ['smtp', [452]],
    ['lmtp', [452, 452]],
  ] as const)('the store: %s clients keep the mail, and nothing was sent', async (protocol, codes) => {
    const s = judging({ [ANN]: 'quarantine' });
    const bench = new ProxyBench({ store: failing(1), services: { s }, listener: { protocol } });
    expect((await bench.converse({ recipients: [ANN, BEN] })).message).toEqual(codes);
    expect(bench.delivered).toEqual([]);
    await later();
    expect([bench.discards, bench.holds]).toEqual([1, [1]]);
    expect(bench.lines).toContainEqual({
      level: 'error',
      message: 'the store did not take the message',
      fields: expect.objectContaining({ cause: 'disk full' }),
    });
  });

  it('the store, for the rest only: the client keeps the mail, a duplicate is better than a loss', async () => {
    const bench = new ProxyBench({
      store: failing(1),
      deliver: (address) => (address === ANN ? reply(250, '2.0.0') : reply(452, '4.2.2')),
    });
    expect((await bench.converse({ recipients: [ANN, BEN] })).message).toEqual([452]);
    await later();
    expect([bench.discards, bench.holds]).toEqual([1, [1]]);
  });

  it('the store, for what an LMTP client does not know of: whoever got the mail is to get it again', async () => {
    const services = { s: atMessage({ addRecipients: [BEN] }) };
    const bench = new ProxyBench({
      store: failing(1),
      services,
      listener: { protocol: 'lmtp' },
      deliver: (address) =>
        address === ANN ? reply(250, '2.0.0') : address === CID ? reply(550, '5.1.1') : reply(452, '4.2.2'),
    });
    expect((await bench.converse({ recipients: [ANN, CID] })).message).toEqual([452, 550]);
  });

  it('the relay: the error goes to the session, and nothing is left behind', async () => {
    const bench = new ProxyBench({
      deliver: () => {
        throw new Error('a bug in the relay');
      },
    });
    await expect(bench.converse()).rejects.toThrow('a bug in the relay');
    await later();
    expect([bench.discards, bench.holds]).toEqual([1, [1]]);
    expect(bench.relayed.at(-1)).toBe('ABORT');
    expect(bench.lines.at(-1)!.fields).toMatchObject({
      ended: 'an error of ours',
      cause: 'a bug in the relay',
    });
  });
});

describe('the spool', () => {
  it('stays until the store’s readers are done with it, and the client does not wait for that', async () => {
    let release = (): void => {};
    const released = new Promise<void>((resolve) => (release = resolve));
    const bench = new ProxyBench({ released, listener: { mode: 'queue' } });
    expect((await bench.converse()).message).toEqual([250]);
    await later();
    expect(bench.discards).toBe(0);
    release();
    await later();
    expect(bench.discards).toBe(1);
  });

  it.each([
    ['a loop', `${'Received: from a by b\r\n'.repeat(101)}${TEXT}`, 554],
    ['a header that is too large', `X: ${'a '.repeat(600_000)}\r\n${TEXT}`, 554],
    ['100 hops, which is no loop', `${'Received: from a by b\r\n'.repeat(100)}${TEXT}`, 250],
  ])('goes with %s', async (_, text, code) => {
    const bench = new ProxyBench({ services: { s: atMessage({}) } });
    expect((await bench.converse({ text })).message).toEqual([code]);
    expect(bench.asked).toHaveLength(code === 250 ? 1 : 0);
    await later();
    expect([bench.discards, bench.holds]).toEqual([1, [1]]);
  });
});

describe('report', () => {
  it.each([
    {
      protocol: 'lmtp',
      told: ['250', '451', '550'],
      came: ['deliver', 'tempfail', 'reject'],
    },
    {
      protocol: 'smtp',
      told: ['250', '250', '250'],
      came: ['deliver', 'deliver', 'bounce'],
    },
  ] as const)(
    'and the log tell by $protocol what became of mail that the downstream did not take',
    async ({ protocol, told, came }) => {
      const bench = new ProxyBench({
        services: { s: { says: { message: () => ({ score: 2.5 }), report: () => ({}) } } },
        deliver: (address) => {
          if (address === ANN) return reply(250, '2.0.0', 'ok');
          return address === BEN ? reply(421, '4.3.2', 'later') : reply(550, '5.1.1', 'gone');
        },
        listener: { protocol },
      });
      await bench.converse({ recipients: [ANN, BEN, CID] });
      await later();
      const { outcomes } = bench.asked.at(-1)!.facts;
      expect(outcomes!.map(({ disposition }) => disposition)).toEqual(came);
      expect(outcomes!.map(({ reply: said }) => said.slice(0, 3))).toEqual(told);
      const line = bench.lines.find(({ message }) => message === 'transaction')!;
      expect(line.fields).toMatchObject({ outcomes, score: 2.5 });
      const [, queued, refused] = protocol === 'smtp' ? ['', ' (queued)', ' (bounced)'] : ['', '', ''];
      expect(outcomes).toMatchObject([
        { downstream: [`${ANN} at mx: 250 2.0.0 ok`] },
        { downstream: [`${BEN} at mx: 421 4.3.2 later${queued}`] },
        { downstream: [`${CID} at mx: 550 5.1.1 gone${refused}`] },
      ]);
    },
  );

  it('and the log tell of a whole message that the downstream did not take', async () => {
    for (const [said, came] of [
      [reply(421, '4.4.1', 'mx cannot be reached'), 'tempfail'],
      [reply(554, '5.6.0', 'bad'), 'reject'],
    ] as const) {
      const bench = new ProxyBench({ deliver: () => said });
      await bench.converse({ recipients: [ANN] });
      expect(bench.lines.at(-1)!.fields).toMatchObject({ outcomes: [{ disposition: came }] });
      expect(bench.lines.at(-1)!.fields).not.toHaveProperty('score');
    }
  });

  it('is told what became of each recipient, after the reply, and can do no harm', async () => {
    const s: ScriptedService = {
      says: { message: () => ({ tags: { spam: 'no' } }), report: () => ({ failure: 'trap' }) },
    };
    const bench = new ProxyBench({
      services: { s },
      deliver: (address) => (address === ANN ? reply(250, '2.0.0', 'ok') : reply(550, '5.1.1', 'gone')),
      listener: { protocol: 'lmtp' },
    });
    expect((await bench.converse({ recipients: [ANN, BEN] })).message).toEqual([250, 550]);
    await later();
    const { facts } = bench.asked.at(-1)!;
    expect(facts).toMatchObject({
      stage: 'report',
      message: { size: TEXT.length },
      tags: { spam: 'no' },
      outcomes: [
        { recipient: ANN, disposition: 'deliver', reply: '250 2.0.0 ok' },
        { recipient: BEN, disposition: 'reject', reply: '550 5.1.1 gone' },
      ],
    });
    expect(bench.lines.at(-1)).toMatchObject({
      message: 'report failed',
      fields: { service: 's', failure: 'trap' },
    });
    expect(bench.holds).toEqual([1]);
  });
});
