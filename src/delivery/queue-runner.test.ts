import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MESSAGE, QUICK } from '../../test/support/delivery.ts';
import type { Downstream } from '../smtp/transaction.ts';
import { QueueBench, until } from '../../test/support/queue-bench.ts';

let bench: QueueBench;
beforeEach(async () => {
  bench = await QueueBench.begin();
});
afterEach(async () => bench.end());

describe('the queue runner', () => {
  it('delivers what was just stored, octet for octet, and forgets it', async () => {
    await bench.start();
    const { ids, released } = await bench.store({ recipients: ['a@example.com', 'b@example.com'] });
    await released;
    await bench.empty();
    expect(bench.mx.mails).toHaveLength(1);
    expect(bench.mx.mails[0]).toMatchObject({ text: MESSAGE, to: ['<a@example.com>', '<b@example.com>'] });
    expect(bench.mx.mails[0]!.from).toBe(`<s@example.org> SIZE=${MESSAGE.length}`);
    expect(bench.said('delivered')).toEqual([
      expect.objectContaining({ queue: ids[0], recipient: 'a@example.com', downstream: 'mx', attempts: 1 }),
      expect.objectContaining({ queue: ids[0], recipient: 'b@example.com', transaction: 'transaction' }),
    ]);
  });

  it('delivers what another process or an earlier run has left in the store', async () => {
    await bench.mx.stop();
    await bench.start();
    await bench.store();
    await bench.open.close(2000);
    await bench.mx.start();
    await bench.start();
    await bench.empty();
    expect(bench.mx.mails.map(({ text }) => text)).toEqual([MESSAGE]);
  });

  it('keeps mail while its downstream is down, and delivers it once when it is up', async () => {
    await bench.mx.stop();
    await bench.start();
    for (let i = 0; i < 30; i++) await bench.store({ text: `Subject: ${i}\r\n\r\n` });
    await vi.waitFor(() => expect(bench.said('downstream rests').length).toBeGreaterThan(2), until);
    expect(await bench.queued()).toBe(30);
    await bench.mx.start();
    await bench.empty();
    const subjects = bench.mx.mails.map(({ text }) => text).sort();
    expect(new Set(subjects).size).toBe(30);
    expect(bench.mx.mails).toHaveLength(30);
  });

  it('does not try each entry at a downstream that is down', async () => {
    let sends = 0;
    const unreachable = { code: 421, enhanced: '4.4.1', lines: ['cannot be reached'], local: true };
    const dead: Downstream = {
      name: 'dead',
      extensions: async () => new Map(),
      takesFolders: false,
      open: () => {
        throw new Error('not used here');
      },
      async send({ recipients }) {
        sends++;
        return recipients.map(() => unreachable);
      },
      async close() {},
    };
    await bench.start({ more: { dead }, policy: { rest: { firstMs: 100_000, maxMs: 100_000 } } });
    for (let i = 0; i < 300; i++) await bench.store({ downstream: 'dead' });
    await bench.store();
    await vi.waitFor(() => expect(bench.mx.mails).toHaveLength(1), until);
    expect(sends).toBeLessThanOrEqual(QUICK.concurrency);
    expect(await bench.open.store.counts()).toMatchObject({ queue: 300 });
  });

  it('settles each recipient by itself: one served, one refused, one later', async () => {
    let busy = true;
    bench.mx.script = {
      rcpt(to) {
        if (to.includes('bad')) return '550 5.1.1 no such user here';
        if (to.includes('busy') && busy) return '450 4.2.2 mailbox busy';
        return '250 2.1.5 ok';
      },
    };
    await bench.start();
    const { ids } = await bench.store({
      recipients: ['good@example.com', 'bad@example.com', 'busy@example.com'],
    });
    await vi.waitFor(() => expect(bench.back.mails).toHaveLength(1), until);
    const left = await bench.open.store.showQueue(ids[0]!);
    expect(left?.recipients.map(({ address }) => address)).toEqual(['busy@example.com']);
    expect(left?.lastReply).toBe('450 4.2.2 mailbox busy');
    busy = false;
    await bench.empty();
    expect(bench.mx.mails.map(({ to }) => to)).toEqual([['<good@example.com>'], ['<busy@example.com>']]);
    expect(bench.back.mails).toHaveLength(1);
    expect(bench.back.mails[0]!.from).toMatch(/^<>/);
    expect(bench.back.mails[0]!.to).toEqual(['<s@example.org>']);
  });

  it('sends the rest at once when the downstream takes only so many recipients at a time', async () => {
    let taken = 0;
    bench.mx.script = {
      rcpt: () => (++taken <= 4 ? '250 2.1.5 ok' : '452 4.5.3 too many recipients'),
      data() {
        taken = 0;
        return '250 2.0.0 ok';
      },
    };
    await bench.start({ policy: { retry: { firstMs: 3_600_000, maxMs: 3_600_000 } } });
    const recipients = Array.from({ length: 9 }, (_none, i) => `r${i}@example.com`);
    await bench.store({ recipients });
    await bench.empty();
    expect(bench.mx.mails.map(({ to }) => to.length)).toEqual([4, 4, 1]);
    expect(bench.mx.mails.flatMap(({ to }) => to)).toEqual(recipients.map((address) => `<${address}>`));
  });

  it('holds a notice that is refused, and says so', async () => {
    bench.mx.script = { rcpt: () => '550 5.1.1 no such user' };
    await bench.start();
    const { ids } = await bench.store({ sender: '' });
    await bench.empty();
    expect(bench.back.dots).toBe(0);
    expect(bench.said('double bounce')).toEqual([
      expect.objectContaining({ queue: ids[0], recipient: 'r@example.com' }),
    ]);
    expect(bench.log.lines.find(({ message }) => message === 'double bounce')?.level).toBe('warn');
    expect(await bench.open.store.listQuarantine({ limit: 10 })).toMatchObject([
      {
        sender: { address: '' },
        recipients: [{ address: 'r@example.com' }],
        downstream: 'mx',
        service: 'delivery',
        reason: 'cannot be delivered or bounced: 550 5.1.1 no such user',
      },
    ]);
  });

  it('holds what can be neither delivered nor bounced, for those whom that concerns, and can deliver it later', async () => {
    bench.mx.script = { rcpt: (to) => (to.includes('gone') ? '550 5.1.1 no such user' : '250 2.1.5 ok') };
    await bench.start({ policy: { bounceDownstream: () => undefined } });
    await bench.store({ recipients: ['ann@example.com', 'gone@example.com'] });
    await bench.empty();
    expect(bench.mx.mails.map(({ to }) => to)).toEqual([['<ann@example.com>']]);
    expect(bench.said('no way for a notice')).toMatchObject([{ recipient: 'gone@example.com' }]);
    const held = await bench.open.store.listQuarantine({ limit: 10 });
    expect(held).toMatchObject([{ recipients: [{ address: 'gone@example.com' }], service: 'delivery' }]);

    bench.mx.script = {};
    const now = Date.now();
    await bench.open.store.release({ ids: [held[0]!.id], now, expiresAt: now + 60_000 });
    await bench.empty();
    expect(bench.mx.mails.at(-1)).toMatchObject({ to: ['<gone@example.com>'], text: MESSAGE });
  });

  it('bounces what could not be delivered in time, with the last reply', async () => {
    bench.mx.script = { data: () => '451 4.2.0 come back tomorrow' };
    await bench.start({ policy: { giveUpAfterMs: 200 } });
    await bench.store();
    await bench.empty();
    expect(bench.mx.dots).toBeGreaterThan(1);
    expect(bench.back.mails).toHaveLength(1);
    expect(bench.back.mails[0]!.text).toContain('come back tomorrow');
  });

  it('bounces in time what waits for a downstream that rests', async () => {
    await bench.mx.stop();
    await bench.start({ policy: { giveUpAfterMs: 200, rest: { firstMs: 1_000_000, maxMs: 1_000_000 } } });
    for (let i = 0; i < 5; i++) await bench.store();
    await bench.empty();
    expect(bench.back.mails).toHaveLength(5);
    expect(bench.said('downstream rests')).toHaveLength(1);
  });

  it('keeps mail for a downstream that is not configured', async () => {
    await bench.start();
    const { ids } = await bench.store({ downstream: 'gone' });
    await vi.waitFor(() => expect(bench.said('deferred').length).toBeGreaterThan(0), until);
    await vi.waitFor(
      async () => expect((await bench.open.store.showQueue(ids[0]!))?.lastReply).toMatch(/^451 4.3.5 /),
      until,
    );
  });

  it('serves other downstreams while one is slow and has a backlog', async () => {
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    bench.mx.script = {
      async data() {
        await gate;
        return '250 2.0.0 at last';
      },
    };
    let claimed = 0;
    await bench.start({
      policy: { concurrency: 2, hotMessages: 2 },
      through: (real) => ({
        ...real,
        async claim(request) {
          const entries = await real.claim(request);
          claimed += entries.filter(({ downstream }) => downstream === 'mx').length;
          return entries;
        },
      }),
    });
    for (let i = 0; i < 250; i++) await bench.store();
    for (let i = 0; i < 20; i++) await bench.store({ downstream: 'back' });
    await vi.waitFor(() => expect(bench.back.mails).toHaveLength(20), until);
    expect(bench.mx.mails).toHaveLength(0);
    // What is not claimed stays on the disk: one claim of 100 at most above what keeps the slots busy.
    expect(claimed).toBeLessThanOrEqual(102);
    letGo();
    await bench.empty();
    expect(bench.mx.mails).toHaveLength(250);
  });

  it('leaves to the store what goes past the hot places, and delivers all of it once', async () => {
    await bench.start({ policy: { concurrency: 3, hotMessages: 4, hotBytes: 300 } });
    const all = await Promise.all(
      Array.from({ length: 120 }, (_none, i) =>
        bench.store({ text: `Subject: ${i}\r\n\r\n${'x'.repeat(i)}\r\n` }),
      ),
    );
    await Promise.all(all.map(({ released }) => released));
    await bench.empty();
    expect(bench.mx.mails).toHaveLength(120);
    expect(new Set(bench.mx.mails.map(({ text }) => text)).size).toBe(120);
  });
});
