import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';
import { mailOf, openDelivery, type Delivery, type DeliveryOptions, type MailOrder } from './delivery.ts';
import { RecordingLog } from './recording-log.ts';
import { ScriptedMta } from './scripted-mta.ts';

/** How long the tests of the queue runner wait for anything. */
export const until = { timeout: 20_000, interval: 10 };

/** A queue between two servers: `mx` takes the mail, `back` the notices. All real: sockets, store, disk. End it. */
export class QueueBench {
  readonly mx = new ScriptedMta({ protocol: 'lmtp' });
  readonly back = new ScriptedMta({ protocol: 'smtp' });
  readonly log = new RecordingLog();
  readonly #directory: string;
  /** What `start` has opened last. */
  open!: Delivery;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  static async begin(): Promise<QueueBench> {
    const bench = new QueueBench(await mkdtemp(join(tmpdir(), 'delivery-')));
    await bench.mx.start();
    await bench.back.start();
    return bench;
  }

  async start(options: Pick<DeliveryOptions, 'policy' | 'through' | 'more' | 'hold'> = {}): Promise<void> {
    const ports = { mx: this.mx.port, back: this.back.port };
    this.open = await openDelivery({ ...options, directory: this.#directory, log: this.log, ports });
  }

  store(order?: MailOrder): ReturnType<Delivery['forwarder']['store']> {
    return this.open.forwarder.store(mailOf(order));
  }

  async queued(): Promise<number> {
    return (await this.open.store.counts()).queue;
  }

  async empty(): Promise<void> {
    await vi.waitUntil(async () => (await this.queued()) === 0, until);
  }

  said(message: string): ReturnType<RecordingLog['said']> {
    return this.log.said(message);
  }

  async end(): Promise<void> {
    await this.mx.stop();
    await this.back.stop();
    await this.open.close(2000);
    await rm(this.#directory, { recursive: true, force: true });
  }
}
