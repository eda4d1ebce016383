import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { mailOf, MESSAGE, QUICK } from '../../test/support/delivery.ts';
import { QueueBench, until } from '../../test/support/queue-bench.ts';

let bench: QueueBench;
beforeEach(async () => {
  bench = await QueueBench.begin();
});
afterEach(async () => bench.end());

describe('the queue runner, stopped, in trouble or reloaded', () => {
  it('loses and doubles nothing when it stops with deliveries under way', async () => {
    let letGo = (): void => {};
    const stopping = new Promise<void>((resolve) => (letGo = resolve));
    bench.mx.script = {
      async data() {
        await stopping;
        return '250 2.0.0 taken';
      },
    };
    await bench.start({ policy: { concurrency: 3 } });
    for (let i = 0; i < 40; i++) await bench.store({ text: `Subject: ${i}\r\n\r\n` });
    await vi.waitFor(() => expect(bench.mx.dots).toBe(3), until);
    const closed = bench.open.close(10_000);
    letGo();
    await closed;
    expect(bench.mx.mails).toHaveLength(3);
    await bench.start();
    await bench.empty();
    expect(bench.mx.mails).toHaveLength(40);
    expect(new Set(bench.mx.mails.map(({ text }) => text)).size).toBe(40);
  });

  it('stops in spite of a delivery that does not end, and makes it again after the restart', async () => {
    bench.mx.script = { data: () => new Promise<never>(() => {}) };
    await bench.start();
    const { released } = await bench.store();
    await vi.waitFor(() => expect(bench.mx.dots).toBe(1), until);
    await bench.open.close(50);
    await released;
    expect(bench.said('deliveries cut off')).toHaveLength(1);
    bench.mx.script = {};
    await bench.start();
    await bench.empty();
    expect(bench.mx.mails).toHaveLength(1);
  });

  it('lets go of what waits when it stops, and of what comes after', async () => {
    bench.mx.script = { data: () => new Promise<never>(() => {}) };
    await bench.start({ policy: { concurrency: 1 } });
    await bench.store();
    await vi.waitFor(() => expect(bench.mx.dots).toBe(1), until);
    const { released } = await bench.store();
    const late = bench.open.runner.reserve({ downstream: 'back', bytes: 1 })!;
    await bench.open.runner.stop(0);
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
    expect(bench.back.connections).toBe(0);
    expect(await bench.queued()).toBe(2);
  });

  it('does not deliver again because the store refused to record it', async () => {
    let refusals = 3;
    await bench.start({
      through: (real) => ({
        ...real,
        async settle(id, settlement) {
          if (refusals-- > 0) throw new Error('disk full');
          return real.settle(id, settlement);
        },
      }),
    });
    await bench.store();
    await bench.empty();
    expect(bench.mx.mails).toHaveLength(1);
    expect(bench.said('cannot settle')).toHaveLength(3);
  });

  it('tries again when the message cannot be read', async () => {
    let broken = true;
    await bench.start({
      policy: { hotMessages: 0 },
      through: (real) => ({
        ...real,
        async read(id, range) {
          if (broken) throw new Error('bad sector');
          return real.read(id, range);
        },
      }),
    });
    await bench.store();
    await vi.waitFor(() => expect(bench.said('deferred').length).toBeGreaterThan(0), until);
    expect(bench.mx.mails).toHaveLength(0);
    broken = false;
    await bench.empty();
    expect(bench.mx.mails.map(({ text }) => text)).toEqual([MESSAGE]);
  });

  it('goes on with other downstreams after a reload', async () => {
    await bench.start();
    const { ids } = await bench.store({ downstream: 'new' });
    await vi.waitFor(() => expect(bench.said('deferred').length).toBeGreaterThan(0), until);
    const downstreams = new Map([['new', bench.open.downstreams.get('mx')!]]);
    bench.open.runner.reload({
      downstreams,
      policy: QUICK,
      hostname: 'gate.test',
      opesSystem: 'urn:x',
      hold: () => () => {},
    });
    await bench.empty();
    expect(bench.mx.mails).toHaveLength(1);
    expect(bench.said('delivered')[0]).toMatchObject({ queue: ids[0], downstream: 'new' });
  });

  it('holds the downstreams of each delivery until it ends; what has not begun goes to those of the reload', async () => {
    const held = { before: 0, after: 0 };
    const holding = (which: keyof typeof held) => () => {
      held[which]++;
      return () => void held[which]--;
    };
    let go = (): void => {};
    const answered = new Promise<void>((resolve) => (go = resolve));
    bench.mx.script.data = async () => {
      await answered;
      return '250 2.0.0 taken';
    };
    await bench.start({ policy: { concurrency: 1 }, hold: holding('before') });
    for (let i = 0; i < 3; i++) await bench.store();
    await vi.waitFor(() => expect(bench.mx.dots).toBe(1), until);
    expect(held).toEqual({ before: 1, after: 0 });
    const downstreams = new Map([['mx', bench.open.downstreams.get('back')!]]);
    bench.open.runner.reload({
      downstreams,
      policy: QUICK,
      hostname: 'gate.test',
      opesSystem: 'urn:x',
      hold: holding('after'),
    });
    await vi.waitFor(() => expect(bench.back.mails).toHaveLength(2), until);
    expect(held.before).toBe(1);
    go();
    await bench.empty();
    expect(held).toEqual({ before: 0, after: 0 });
    expect(bench.mx.mails).toHaveLength(1);
    expect(bench.said('deferred')).toEqual([]);
  });
});
