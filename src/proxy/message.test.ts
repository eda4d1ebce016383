import { describe, expect, it } from 'vitest';
import { applySplices, isProblem, type MessageImage } from '../mail/image.ts';
import type { Recipient } from '../mail/envelope.ts';
import { reply } from '../mail/reply.ts';
import type { Decision } from '../ocp/decision.ts';
import type { Variant } from './forwarder.ts';
import { belowTrace, ProxyBench, TEXT, type ScriptedService } from './proxy-testing.ts';

const ANN = 'ann@example.com';
const BEN = 'ben@example.com';
const CID = 'cid@example.org';
const later = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const marking =
  (text: string) =>
  (image: MessageImage): MessageImage => {
    const marked = applySplices(image, [{ offset: 0, remove: 0, bytes: Buffer.from(`${text}\r\n`) }]);
    if (isProblem(marked)) throw new Error(marked.problem);
    return marked;
  };
const atMessage = (decision: Decision): ScriptedService => ({ says: { message: () => decision } });
const judging = (verdicts: Readonly<Record<string, Decision['verdict']>>): ScriptedService =>
  atMessage({ recipients: Object.entries(verdicts).map(([address, verdict]) => ({ address, verdict })) });

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

describe('where mail goes', () => {
  it('a rewritten recipient is what the downstream hears, and its reply is the client’s', async () => {
    const s: ScriptedService = { says: { rcpt: () => ({ rewrite: 'new@example.com' }) } };
    const bench = new ProxyBench({
      services: { s },
      rcpt: (address) => (address === ANN ? reply(250, '2.1.5') : reply(550, '5.1.1', 'No such user')),
    });
    expect((await bench.converse()).rcpt).toEqual([550]);
    expect(bench.relayed).toContain('RCPT <new@example.com> at mx');
  });

  it('a rewritten sender is what the downstream hears, and a notice goes to the one who sent it', async () => {
    const bench = new ProxyBench({
      services: { s: { says: { mail: () => ({ rewrite: 'srs@example.com' }) } } },
      deliver: (address) => (address === ANN ? reply(250, '2.0.0') : reply(550, '5.1.1')),
    });
    await bench.converse({ recipients: [ANN, BEN] });
    expect(bench.relayed[0]).toBe('MAIL <srs@example.com> at mx');
    expect(bench.delivered[0]!.sender).toBe('srs@example.com');
    expect(bench.kept.bounces).toEqual([`<bob@example.net> ${BEN} 550`]);
  });

  it.each(['rcpt', 'data', 'message'] as const)(
    'replacement and next hop for one recipient at %s',
    async (stage) => {
      const s: ScriptedService = {
        says: {
          [stage]: ({ recipients = [] }: { recipients?: readonly { address: string }[] }) => ({
            recipients: recipients
              .filter(({ address }) => address === ANN)
              .map(({ address }) => ({
                address,
                replace: ['x@example.com', 'y@example.com'],
                nextHop: 'other',
              })),
          }),
        },
      };
      const bench = new ProxyBench({ services: { s } });
      const codes = await bench.converse({ recipients: [ANN, BEN] });
      expect(codes.message).toEqual([250]);
      expect(bench.delivered.map(({ recipients, downstream }) => [recipients, downstream])).toEqual([
        [['x@example.com', 'y@example.com'], 'other'],
        [[BEN], 'mx'],
      ]);
    },
  );

  describe.each(['rcpt', 'data', 'message'] as const)('a folder that is advised at %s', (stage) => {
    const s: ScriptedService = {
      says: {
        [stage]: ({ recipients = [] }: { recipients?: readonly { address: string }[] }) => ({
          folder: 'Lists',
          recipients: recipients
            .filter(({ address }) => address === ANN)
            .map(({ address }) => ({ address, folder: 'Junk' })),
        }),
      },
    };
    const filed = (recipients: readonly Recipient[]) => recipients.map((one) => [one.address, one.folder]);

    it('goes with each recipient to the downstream', async () => {
      const told: unknown[] = [];
      const taken = reply(250, '2.0.0', 'ok');
      const deliver = (_: string, { recipients }: Variant) => {
        told.push(filed(recipients));
        return taken;
      };
      const bench = new ProxyBench({ services: { s }, deliver });
      await bench.converse({ recipients: [ANN, BEN] });
      expect(told[0]).toEqual([
        [ANN, 'Junk'],
        [BEN, 'Lists'],
      ]);
      expect(bench.lines.at(-1)!.fields['outcomes']).toMatchObject([
        { downstream: [`${ANN} (folder Junk) at mx: 250 2.0.0 ok`] },
        { downstream: [`${BEN} (folder Lists) at mx: 250 2.0.0 ok`] },
      ]);
    });

    it('goes with each recipient into the queue and into the quarantine', async () => {
      for (const verdict of ['accept', 'quarantine'] as const) {
        const held: ScriptedService = { says: { message: () => ({ verdict }) } };
        const bench = new ProxyBench({ services: { s, held }, listener: { mode: 'queue' } });
        await bench.converse({ recipients: [ANN, BEN] });
        const kept = bench.stored.flatMap(({ queue, quarantine }) => [...queue, ...quarantine]);
        expect(kept.flatMap(({ recipients }) => filed(recipients))).toEqual([
          [ANN, 'Junk'],
          [BEN, 'Lists'],
        ]);
      }
    });
  });

  it('a folder stays with whoever a recipient is replaced by, and holds for those who were added', async () => {
    const s: ScriptedService = {
      says: {
        rcpt: () => ({ folder: 'Junk' }),
        message: () => ({
          recipients: [{ address: ANN, replace: ['x@example.com'] }],
          addRecipients: ['audit@example.com'],
        }),
      },
    };
    const later = atMessage({ folder: 'Later' });
    for (const [services, folder] of [
      [{ s }, ['Junk', undefined]],
      [{ s, later }, ['Later', 'Later']],
    ] as const) {
      const bench = new ProxyBench({ services, listener: { mode: 'queue' } });
      await bench.converse();
      const recipients = bench.stored.flatMap(({ queue }) => queue.flatMap((one) => one.recipients));
      expect(recipients.map((one) => one.folder)).toEqual(folder);
    }
  });

  it('a recipient that is replaced by nobody is dropped, and the log says so', async () => {
    const s = atMessage({ recipients: [{ address: ANN, replace: [] }] });
    const bench = new ProxyBench({ services: { s }, listener: { protocol: 'lmtp' } });
    expect((await bench.converse({ recipients: [ANN, BEN] })).message).toEqual([250, 250]);
    expect(bench.delivered).toMatchObject([{ recipients: [BEN] }]);
    expect(bench.lines.at(-1)!.fields['outcomes']).toMatchObject([
      { disposition: 'discard' },
      { disposition: 'deliver' },
    ]);
  });

  it.each(['data', 'message'] as const)('added recipients and another sender at %s', async (stage) => {
    const s: ScriptedService = {
      says: {
        [stage]: () => ({ addRecipients: ['audit@example.com'], sender: 'bounces@example.com' }),
      },
    };
    for (const mode of ['through', 'queue'] as const) {
      const bench = new ProxyBench({ services: { s }, listener: { mode } });
      await bench.converse();
      expect(await bench.forwarded()).toMatchObject([
        { sender: 'bounces@example.com', recipients: [ANN, 'audit@example.com'], downstream: 'mx' },
      ]);
    }
  });

  it.each(['data', 'message'] as const)('nobody is added at %s to mail that nobody gets', async (stage) => {
    const s: ScriptedService = {
      says: { [stage]: () => ({ verdict: 'quarantine', addRecipients: ['audit@example.com'] }) },
    };
    const bench = new ProxyBench({ services: { s } });
    await bench.converse();
    expect(bench.delivered).toEqual([]);
    expect(bench.kept.quarantine).toHaveLength(1);
  });

  it('a recipient whose second target is refused at RCPT is refused', async () => {
    const s: ScriptedService = {
      says: { rcpt: () => ({ recipients: [{ address: ANN, replace: [BEN, CID] }] }) },
    };
    const bench = new ProxyBench({
      services: { s },
      rcpt: (address) => (address === CID ? reply(452, '4.2.2', 'full') : reply(250, '2.1.5')),
    });
    expect((await bench.converse()).rcpt).toEqual([452]);
    expect(bench.delivered).toEqual([]);
  });

  it('a domain that the listener does not take is refused before anybody is asked', async () => {
    const bench = new ProxyBench({
      services: { s: { says: { rcpt: () => ({}) } } },
      listener: { domains: new Set(['example.com']) },
    });
    expect((await bench.converse({ recipients: [CID, 'Postmaster', 'ann@EXAMPLE.com'] })).rcpt).toEqual([
      550, 250, 250,
    ]);
    expect(bench.asked.map(({ facts }) => facts.recipients![0]!.address)).toEqual([
      'Postmaster',
      'ann@EXAMPLE.com',
    ]);
  });
});

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
