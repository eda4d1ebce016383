import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  MESSAGE,
  mailOf,
  openDelivery,
  type Delivery,
  type DeliveryOptions,
} from '../../test/support/delivery.ts';
import { RecordingLog } from '../../test/support/recording-log.ts';
import { ScriptedMta } from '../../test/support/scripted-mta.ts';
import { OperationalError } from '../base/errors.ts';
import { SpoolWriter } from '../base/spool.ts';
import { applySplices, imageOf, isProblem } from '../mail/image.ts';
import { imageSource } from '../mail/image-reader.ts';
import { reply } from '../mail/reply.ts';

const until = { timeout: 20_000, interval: 10 };

let mx: ScriptedMta;
let back: ScriptedMta;
let directory: string;
let log: RecordingLog;
let open: Delivery;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'forwarder-'));
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

async function start(options: Pick<DeliveryOptions, 'policy' | 'through'> = {}): Promise<void> {
  open = await openDelivery({ ...options, directory, log, ports: { mx: mx.port, back: back.port } });
}

const empty = () => vi.waitFor(async () => expect((await open.store.counts()).queue).toBe(0), until);
const refusal = {
  recipient: { address: 'x@example.com', params: {} },
  reply: reply(550, '5.7.1', 'no, thanks'),
};

describe('Forwarder.store', () => {
  it('releases the spool when the last delivery is through with it, and not before', async () => {
    let letGo = () => {};
    const gate = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    mx.script = {
      async data() {
        await gate;
        return '250 2.0.0 ok';
      },
    };
    await start();
    const [variant] = mailOf().queue;
    const other = { ...variant!, downstream: 'back' };
    const { ids, released } = await open.forwarder.store({ ...mailOf(), queue: [variant!, other] });
    expect(ids).toHaveLength(2);
    let done = false;
    void released.finally(() => {
      done = true;
    });
    await vi.waitFor(() => expect(back.mails).toHaveLength(1), until);
    await vi.waitFor(() => expect(mx.dots).toBe(1), until);
    expect(done).toBe(false);
    letGo();
    await released;
    await empty();
    expect(mx.mails.map(({ text }) => text)).toEqual([MESSAGE]);
  });

  it('delivers a changed message from a spool file, which can go afterwards', async () => {
    await start({ policy: { hotBytes: 1000 } });
    const writer = new SpoolWriter(directory);
    const line = `${'x'.repeat(70)}\r\n`;
    await writer.write(Buffer.from(`Subject: big\r\n\r\n${line.repeat(10_000)}`));
    const spool = await writer.finish();
    const image = applySplices(imageOf(spool.handle), [
      { offset: 0, remove: 0, bytes: Buffer.from('X-Added: yes\r\n') },
    ]);
    if (isProblem(image)) throw new Error(image.problem);
    const [variant] = mailOf().queue;
    const { released } = await open.forwarder.store({
      ...mailOf(),
      queue: [{ ...variant!, image, source: imageSource(spool, image) }],
    });
    await released;
    expect(mx.mails).toHaveLength(1);
    await spool.discard();
    await empty();
    expect(mx.mails[0]!.text).toBe(`X-Added: yes\r\nSubject: big\r\n\r\n${line.repeat(10_000)}`);
  });

  it('stores quarantined mail beside', async () => {
    await start();
    const [variant] = mailOf().queue;
    const { image, sender, recipients, downstream } = variant!;
    const held = { image, sender, recipients, downstream, service: 'guard', reason: 'an executable' };
    const { ids } = await open.forwarder.store({ ...mailOf(), queue: [], quarantine: [held] });
    expect(await open.store.showQuarantine(ids[0]!)).toMatchObject({
      transaction: 'transaction',
      sender,
      recipients,
      downstream: 'mx',
      service: 'guard',
      reason: 'an executable',
    });
    expect(mx.dots).toBe(0);
  });

  it('queues the notices that the proxy orders', async () => {
    await start();
    const order = {
      sender: { address: 's@example.org', params: {} },
      recipients: [refusal],
      headers: Buffer.from('Subject: refused\r\n'),
      arrivedAt: Date.now(),
    };
    await open.forwarder.store({ transaction: 't', queue: [], quarantine: [], bounces: [order] });
    await empty();
    expect(back.mails).toHaveLength(1);
    expect(back.mails[0]).toMatchObject({ to: ['<s@example.org>'] });
    expect(back.mails[0]!.text).toContain('no, thanks');
    expect(back.mails[0]!.text).toContain('Subject: refused\r\n');
  });

  it('stores nothing where nobody is to be told', async () => {
    await start();
    const order = {
      sender: { address: '', params: {} },
      recipients: [refusal],
      headers: new Uint8Array(),
      arrivedAt: Date.now(),
    };
    const { ids } = await open.forwarder.store({
      transaction: 't',
      queue: [],
      quarantine: [],
      bounces: [order],
    });
    expect(ids).toEqual([]);
    expect(log.said('double bounce')).toHaveLength(1);
  });

  it('sends no notice and keeps no incident where the store refuses, and logs the incident all the same', async () => {
    await start({
      through: (store) => ({
        ...store,
        commit: () => Promise.reject(new OperationalError('store_unavailable', 'full')),
      }),
    });
    const notice = { kind: 'notice', to: 'postmaster', subject: 's', text: 't' } as const;
    const order = {
      service: 's',
      notice,
      perHour: 1,
      sender: 's@example.org',
      recipients: [],
      headers: new Uint8Array(),
    };
    const report = {
      id: 'i',
      at: '',
      severity: 'error',
      event: 'virus',
      text: 't',
      fields: {},
      service: 's',
      stage: 'message',
      gate: 'gate.test',
      listener: 'in',
      client: '192.0.2.1',
      session: 's',
    } as const;
    const mail = {
      transaction: 't',
      queue: [],
      quarantine: [],
      bounces: [],
      notices: [order],
      incidents: [report],
    };
    await expect(open.forwarder.store(mail)).rejects.toThrow('full');
    expect(log.said('incident')).toMatchObject([{ event: 'virus', service: 's' }]);
    expect((await open.store.counts()).queue).toBe(0);
  });

  it('rejects if the store refuses, delivers nothing, and has its places back', async () => {
    let refuse = true;
    await start({
      policy: { hotMessages: 1 },
      through: (real) => ({
        ...real,
        async commit(mail) {
          if (refuse) throw new OperationalError('store_unavailable', 'Cannot store: no space left');
          return real.commit(mail);
        },
      }),
    });
    for (let i = 0; i < 3; i++) {
      await expect(open.forwarder.store(mailOf())).rejects.toMatchObject({ code: 'store_unavailable' });
    }
    refuse = false;
    expect(open.runner.reserve({ downstream: 'mx', bytes: 1 })).toBeDefined();
    expect(open.runner.reserve({ downstream: 'mx', bytes: 1 })).toBeUndefined();
    expect(mx.dots).toBe(0);
  });

  it('bounds the memory of messages on their way', async () => {
    await start({ policy: { hotBytes: 100 } });
    const place = open.runner.reserve({ downstream: 'mx', bytes: 60 });
    expect(place).toBeDefined();
    expect(open.runner.reserve({ downstream: 'back', bytes: 60 })).toBeUndefined();
    place!.cancel();
    expect(open.runner.reserve({ downstream: 'back', bytes: 60 })).toBeDefined();
  });
});
