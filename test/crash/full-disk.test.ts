import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listed, postern as run } from '../support/cli.ts';
import { CountingSink } from '../support/counting-sink.ts';
import { startPostern, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { SmallDisk } from './small-disk.ts';
import { Traffic } from './traffic.ts';

const MIB = 1024 * 1024;
/** The store keeps 32 MiB free for taking mail out. */
const SIZE = 80;

const possible = SmallDisk.canBeMade;

let directory: ReturnType<typeof temporaryDirectory>;
let disk: SmallDisk;
let sink: CountingSink;
let postern: Postern | undefined;
let traffic: Traffic | undefined;

async function send(limit: number, size: number): Promise<Traffic> {
  const run = `r${Math.random().toString(36).slice(2)}-`;
  traffic = new Traffic({ port: postern!.ports['inbound']!, sessions: 8, size, limit, run });
  await traffic.ended();
  return traffic;
}

const emptied = () =>
  waitFor(async () => ((await listed(directory.path, 'queue')).length === 0 ? true : undefined));

describe.skipIf(!possible)(
  `a full disk${possible ? '' : ' (skipped: no file system can be mounted here)'}`,
  () => {
    beforeEach(async () => {
      directory = temporaryDirectory();
      disk = new SmallDisk(SIZE);
      sink = new CountingSink();
      await sink.start();
      postern = await startPostern(
        {
          stateDir: disk.path,
          listeners: {
            inbound: {
              protocol: 'smtp',
              port: 0,
              domains: ['example.com'],
              downstream: 'sink',
              mode: 'queue',
            },
          },
          downstreams: { sink: { protocol: 'smtp', host: '127.0.0.1', port: sink.port, tls: 'none' } },
          queue: { retry: { first: '1s', max: '1s' } },
        },
        { directory: directory.path },
      );
    });

    afterEach(async () => {
      await postern?.kill('SIGKILL');
      await traffic?.stop();
      await sink.stop();
      disk.remove();
      directory.remove();
    });

    it('filled by the queue: 452, nothing that got its 250 is lost, and mail is taken again once it is delivered', async () => {
      await sink.stop();
      const { acknowledged, refusals } = await send(120, MIB / 2);
      expect(acknowledged.size).toBeGreaterThan(10);
      expect(refusals.length).toBeGreaterThan(10);
      expect(new Set(refusals)).toEqual(new Set(['452 4.3.1 Cannot store the message now, try again later']));
      const told = () => postern!.log.filter(({ msg }) => msg === 'the store did not take the message');
      await waitFor(() => (told().length >= refusals.length ? true : undefined));
      expect(told()).toHaveLength(refusals.length);

      await sink.start();
      await run(directory.path, 'queue', 'retry');
      await emptied();
      expect(sink.missing(acknowledged)).toEqual([]);
      expect(sink.duplicates).toBe(0);

      await waitFor(() => (disk.free > 40 * MIB ? true : undefined));
      const again = await send(10, MIB / 2);
      expect(again.refusals).toEqual([]);
      await emptied();
      expect(sink.missing(again.acknowledged)).toEqual([]);
    }, 90_000);

    it('filled by something else to the last block: 452 for small and large mail, and all is well when there is room', async () => {
      const before = await send(50, 4000);
      expect(before.refusals).toEqual([]);
      disk.fill();
      const small = await send(20, 4000);
      const large = await send(8, MIB);
      for (const { acknowledged, refusals } of [small, large]) {
        expect(acknowledged.size).toBe(0);
        for (const refusal of refusals) expect(refusal).toMatch(/^452 4\.3\.1 /);
      }
      expect(small.refusals).toHaveLength(20);
      expect(large.refusals).toHaveLength(8);

      disk.empty();
      const after = await send(50, 4000);
      expect(after.refusals).toEqual([]);
      await emptied();
      expect(sink.missing([...before.acknowledged, ...after.acknowledged])).toEqual([]);
      expect(sink.arrived.size).toBe(100);
      expect(sink.duplicates).toBe(0);
    }, 90_000);

    it('filled while mail is being delivered: deliveries stop, and go on when there is room', async () => {
      const running = new Traffic({ port: postern!.ports['inbound']!, sessions: 8, size: 4000 });
      traffic = running;
      await waitFor(() => (sink.arrived.size > 100 ? true : undefined));
      disk.fill();
      await waitFor(() => (running.refusals.length > 20 ? true : undefined));
      disk.empty();
      const refused = running.refusals.length;
      const taken = running.acknowledged.size;
      await waitFor(() => (running.acknowledged.size > taken + 100 ? true : undefined));
      await running.stop();
      await emptied();
      for (const refusal of running.refusals) expect(refusal).toMatch(/^452 4\.3\.1 /);
      expect(refused).toBeGreaterThan(20);
      expect(sink.missing(running.acknowledged)).toEqual([]);
      expect(sink.duplicates).toBe(0);
    }, 90_000);
  },
);
