import { describe, expect, it } from 'vitest';
import type { Recipient } from '../mail/envelope.ts';
import { reply } from '../mail/reply.ts';
import type { Variant } from './forwarder.ts';
import { ANN, atMessage, BEN, CID } from './message-testing.ts';
import { ProxyBench, type ScriptedService } from './proxy-testing.ts';

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
