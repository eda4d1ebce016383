import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  MESSAGE,
  QUICK,
  mailOf,
  openDelivery,
  type Delivery,
  type DeliveryOptions,
  type MailOrder,
} from '../../test/support/delivery.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { ScriptedMta } from '../../test/support/scripted-mta.ts';
import type { Downstream } from '../smtp/transaction.ts';

const until = { timeout: 20_000, interval: 10 };

/** `mx` takes the mail, `back` the notices. All real: sockets, store, disk. */
let mx: ScriptedMta;
let back: ScriptedMta;
let directory: string;
let log: RecordingLog;
let open: Delivery;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'delivery-'));
  mx = new ScriptedMta({ protocol: 'lmtp' });
  back = new ScriptedMta({ protocol: 'smtp' });
  await mx.start();
  await back.start();
  log = new RecordingLog();
});

afterEach(async () => {
  await mx.stop();
  await back.stop();
  await open.close(2000);
  await rm(directory, { recursive: true, force: true });
});

async function start(
  options: Pick<DeliveryOptions, 'policy' | 'through' | 'more' | 'hold'> = {},
): Promise<void> {
  open = await openDelivery({ ...options, directory, log, ports: { mx: mx.port, back: back.port } });
}

const store = (order?: MailOrder) => open.forwarder.store(mailOf(order));
const queued = async () => (await open.store.counts()).queue;
const empty = () => vi.waitFor(async () => expect(await queued()).toBe(0), until);
const said = (message: string) => log.said(message);

describe('the queue runner', () => {
  it('delivers what was just stored, octet for octet, and forgets it', async () => {
    await start();
    const { ids, released } = await store({ recipients: ['a@example.com', 'b@example.com'] });
    await released;
    await empty();
    expect(mx.mails).toHaveLength(1);
    expect(mx.mails[0]).toMatchObject({ text: MESSAGE, to: ['<a@example.com>', '<b@example.com>'] });
    expect(mx.mails[0]!.from).toBe(`<s@example.org> SIZE=${MESSAGE.length}`);
    expect(said('delivered')).toEqual([
      expect.objectContaining({ queue: ids[0], recipient: 'a@example.com', downstream: 'mx', attempts: 1 }),
      expect.objectContaining({ queue: ids[0], recipient: 'b@example.com', transaction: 'transaction' }),
    ]);
  });

  it('delivers what another process or an earlier run has left in the store', async () => {
    await mx.stop();
    await start();
    await store();
    await open.close(2000);
    await mx.start();
    await start();
    await empty();
    expect(mx.mails.map(({ text }) => text)).toEqual([MESSAGE]);
  });

  it('keeps mail while its downstream is down, and delivers it once when it is up', async () => {
    await mx.stop();
    await start();
    for (let i = 0; i < 30; i++) await store({ text: `Subject: ${i}\r\n\r\n` });
    await vi.waitFor(() => expect(said('downstream rests').length).toBeGreaterThan(2), until);
    expect(await queued()).toBe(30);
    await mx.start();
    await empty();
    const subjects = mx.mails.map(({ text }) => text).sort();
    expect(new Set(subjects).size).toBe(30);
    expect(mx.mails).toHaveLength(30);
  });

  it('does not try each entry at a downstream that is down', async () => {
    let sends = 0;
    const unreachable = { code: 421, enhanced: '4.4.1', lines: ['cannot be reached'], local: true };
    const dead: Downstream = {
      name: 'dead',
      extensions: undefined,
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
    await start({ more: { dead }, policy: { rest: { firstMs: 100_000, maxMs: 100_000 } } });
    for (let i = 0; i < 300; i++) await store({ downstream: 'dead' });
    await store();
    await vi.waitFor(() => expect(mx.mails).toHaveLength(1), until);
    expect(sends).toBeLessThanOrEqual(QUICK.concurrency);
    expect(await open.store.counts()).toMatchObject({ queue: 300 });
  });

  it('settles each recipient by itself: one served, one refused, one later', async () => {
    let busy = true;
    mx.script = {
      rcpt(to) {
        if (to.includes('bad')) return '550 5.1.1 no such user here';
        if (to.includes('busy') && busy) return '450 4.2.2 mailbox busy';
        return '250 2.1.5 ok';
      },
    };
    await start();
    const { ids } = await store({ recipients: ['good@example.com', 'bad@example.com', 'busy@example.com'] });
    await vi.waitFor(() => expect(back.mails).toHaveLength(1), until);
    const left = await open.store.showQueue(ids[0]!);
    expect(left?.recipients.map(({ address }) => address)).toEqual(['busy@example.com']);
    expect(left?.lastReply).toBe('450 4.2.2 mailbox busy');
    busy = false;
    await empty();
    expect(mx.mails.map(({ to }) => to)).toEqual([['<good@example.com>'], ['<busy@example.com>']]);
    expect(back.mails).toHaveLength(1);
    expect(back.mails[0]!.from).toMatch(/^<>/);
    expect(back.mails[0]!.to).toEqual(['<s@example.org>']);
  });

  it('sends the rest at once when the downstream takes only so many recipients at a time', async () => {
    let taken = 0;
    mx.script = {
      rcpt: () => (++taken <= 4 ? '250 2.1.5 ok' : '452 4.5.3 too many recipients'),
      data() {
        taken = 0;
        return '250 2.0.0 ok';
      },
    };
    await start({ policy: { retry: { firstMs: 3_600_000, maxMs: 3_600_000 } } });
    const recipients = Array.from({ length: 9 }, (_none, i) => `r${i}@example.com`);
    await store({ recipients });
    await empty();
    expect(mx.mails.map(({ to }) => to.length)).toEqual([4, 4, 1]);
    expect(mx.mails.flatMap(({ to }) => to)).toEqual(recipients.map((address) => `<${address}>`));
  });

  it('holds a notice that is refused, and says so', async () => {
    mx.script = { rcpt: () => '550 5.1.1 no such user' };
    await start();
    const { ids } = await store({ sender: '' });
    await empty();
    expect(back.dots).toBe(0);
    expect(said('double bounce')).toEqual([
      expect.objectContaining({ queue: ids[0], recipient: 'r@example.com' }),
    ]);
    expect(log.lines.find(({ message }) => message === 'double bounce')?.level).toBe('warn');
    expect(await open.store.listQuarantine({ limit: 10 })).toMatchObject([
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
    mx.script = { rcpt: (to) => (to.includes('gone') ? '550 5.1.1 no such user' : '250 2.1.5 ok') };
    await start({ policy: { bounceDownstream: () => undefined } });
    await store({ recipients: ['ann@example.com', 'gone@example.com'] });
    await empty();
    expect(mx.mails.map(({ to }) => to)).toEqual([['<ann@example.com>']]);
    expect(said('no way for a notice')).toMatchObject([{ recipient: 'gone@example.com' }]);
    const held = await open.store.listQuarantine({ limit: 10 });
    expect(held).toMatchObject([{ recipients: [{ address: 'gone@example.com' }], service: 'delivery' }]);

    mx.script = {};
    const now = Date.now();
    await open.store.release({ ids: [held[0]!.id], now, expiresAt: now + 60_000 });
    await empty();
    expect(mx.mails.at(-1)).toMatchObject({ to: ['<gone@example.com>'], text: MESSAGE });
  });

  it('bounces what could not be delivered in time, with the last reply', async () => {
    mx.script = { data: () => '451 4.2.0 come back tomorrow' };
    await start({ policy: { giveUpAfterMs: 200 } });
    await store();
    await empty();
    expect(mx.dots).toBeGreaterThan(1);
    expect(back.mails).toHaveLength(1);
    expect(back.mails[0]!.text).toContain('come back tomorrow');
  });

  it('bounces in time what waits for a downstream that rests', async () => {
    await mx.stop();
    await start({ policy: { giveUpAfterMs: 200, rest: { firstMs: 1_000_000, maxMs: 1_000_000 } } });
    for (let i = 0; i < 5; i++) await store();
    await empty();
    expect(back.mails).toHaveLength(5);
    expect(said('downstream rests')).toHaveLength(1);
  });

  it('keeps mail for a downstream that is not configured', async () => {
    await start();
    const { ids } = await store({ downstream: 'gone' });
    await vi.waitFor(() => expect(said('deferred').length).toBeGreaterThan(0), until);
    await vi.waitFor(
      async () => expect((await open.store.showQueue(ids[0]!))?.lastReply).toMatch(/^451 4.3.5 /),
      until,
    );
  });

  it('serves other downstreams while one is slow and has a backlog', async () => {
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    mx.script = {
      async data() {
        await gate;
        return '250 2.0.0 at last';
      },
    };
    let claimed = 0;
    await start({
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
    for (let i = 0; i < 250; i++) await store();
    for (let i = 0; i < 20; i++) await store({ downstream: 'back' });
    await vi.waitFor(() => expect(back.mails).toHaveLength(20), until);
    expect(mx.mails).toHaveLength(0);
    // What is not claimed stays on the disk: one claim of 100 at most above what keeps the slots busy.
    expect(claimed).toBeLessThanOrEqual(102);
    letGo();
    await empty();
    expect(mx.mails).toHaveLength(250);
  });

  it('leaves to the store what goes past the hot places, and delivers all of it once', async () => {
    await start({ policy: { concurrency: 3, hotMessages: 4, hotBytes: 300 } });
    const all = await Promise.all(
      Array.from({ length: 120 }, (_none, i) => store({ text: `Subject: ${i}\r\n\r\n${'x'.repeat(i)}\r\n` })),
    );
    await Promise.all(all.map(({ released }) => released));
    await empty();
    expect(mx.mails).toHaveLength(120);
    expect(new Set(mx.mails.map(({ text }) => text)).size).toBe(120);
  });

  it('loses and doubles nothing when it stops with deliveries under way', async () => {
    let letGo = (): void => {};
    const stopping = new Promise<void>((resolve) => (letGo = resolve));
    mx.script = {
      async data() {
        await stopping;
        return '250 2.0.0 taken';
      },
    };
    await start({ policy: { concurrency: 3 } });
    for (let i = 0; i < 40; i++) await store({ text: `Subject: ${i}\r\n\r\n` });
    await vi.waitFor(() => expect(mx.dots).toBe(3), until);
    const closed = open.close(10_000);
    letGo();
    await closed;
    expect(mx.mails).toHaveLength(3);
    await start();
    await empty();
    expect(mx.mails).toHaveLength(40);
    expect(new Set(mx.mails.map(({ text }) => text)).size).toBe(40);
  });

  it('stops in spite of a delivery that does not end, and makes it again after the restart', async () => {
    mx.script = { data: () => new Promise<never>(() => {}) };
    await start();
    const { released } = await store();
    await vi.waitFor(() => expect(mx.dots).toBe(1), until);
    await open.close(50);
    await released;
    expect(said('deliveries cut off')).toHaveLength(1);
    mx.script = {};
    await start();
    await empty();
    expect(mx.mails).toHaveLength(1);
  });

  it('lets go of what waits when it stops, and of what comes after', async () => {
    mx.script = { data: () => new Promise<never>(() => {}) };
    await start({ policy: { concurrency: 1 } });
    await store();
    await vi.waitFor(() => expect(mx.dots).toBe(1), until);
    const { released } = await store();
    const late = open.runner.reserve({ downstream: 'back', bytes: 1 })!;
    await open.runner.stop(0);
    await released;
    const [variant] = mailOf().queue;
    const job = {
      ...variant!,
      id: 'late',
      transaction: 't',
      attempts: 0,
      createdAt: 0,
      expiresAt: 1,
      lastReply: '',
    };
    await new Promise<void>((release) => {
      late.deliver({ ...job, message: variant!.source, downstream: 'back', release });
    });
    expect(back.connections).toBe(0);
    expect(await queued()).toBe(2);
  });

  it('does not deliver again because the store refused to record it', async () => {
    let refusals = 3;
    await start({
      through: (real) => ({
        ...real,
        async settle(id, settlement) {
          if (refusals-- > 0) throw new Error('disk full');
          return real.settle(id, settlement);
        },
      }),
    });
    await store();
    await empty();
    expect(mx.mails).toHaveLength(1);
    expect(said('cannot settle')).toHaveLength(3);
  });

  it('tries again when the message cannot be read', async () => {
    let broken = true;
    await start({
      policy: { hotMessages: 0 },
      through: (real) => ({
        ...real,
        async read(id, range) {
          if (broken) throw new Error('bad sector');
          return real.read(id, range);
        },
      }),
    });
    await store();
    await vi.waitFor(() => expect(said('deferred').length).toBeGreaterThan(0), until);
    expect(mx.mails).toHaveLength(0);
    broken = false;
    await empty();
    expect(mx.mails.map(({ text }) => text)).toEqual([MESSAGE]);
  });

  it('goes on with other downstreams after a reload', async () => {
    await start();
    const { ids } = await store({ downstream: 'new' });
    await vi.waitFor(() => expect(said('deferred').length).toBeGreaterThan(0), until);
    const downstreams = new Map([['new', open.downstreams.get('mx')!]]);
    open.runner.reload({
      downstreams,
      policy: QUICK,
      hostname: 'gate.test',
      opesSystem: 'urn:x',
      hold: () => () => {},
    });
    await empty();
    expect(mx.mails).toHaveLength(1);
    expect(said('delivered')[0]).toMatchObject({ queue: ids[0], downstream: 'new' });
  });

  it('holds the downstreams of each delivery until it ends; what has not begun goes to those of the reload', async () => {
    const held = { before: 0, after: 0 };
    const holding = (which: keyof typeof held) => () => {
      held[which]++;
      return () => void held[which]--;
    };
    let go = (): void => {};
    const answered = new Promise<void>((resolve) => (go = resolve));
    mx.script.data = async () => {
      await answered;
      return '250 2.0.0 taken';
    };
    await start({ policy: { concurrency: 1 }, hold: holding('before') });
    for (let i = 0; i < 3; i++) await store();
    await vi.waitFor(() => expect(mx.dots).toBe(1), until);
    expect(held).toEqual({ before: 1, after: 0 });
    const downstreams = new Map([['mx', open.downstreams.get('back')!]]);
    open.runner.reload({
      downstreams,
      policy: QUICK,
      hostname: 'gate.test',
      opesSystem: 'urn:x',
      hold: holding('after'),
    });
    await vi.waitFor(() => expect(back.mails).toHaveLength(2), until);
    expect(held.before).toBe(1);
    go();
    await empty();
    expect(held).toEqual({ before: 0, after: 0 });
    expect(mx.mails).toHaveLength(1);
    expect(said('deferred')).toEqual([]);
  });
});
