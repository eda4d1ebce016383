import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listed } from '../support/cli.ts';
import { CountingSink } from '../support/counting-sink.ts';
import { startPostern, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { Traffic } from './traffic.ts';

const DEATHS = 2;
/** More than a socket takes at once, so that the end of a message comes after its start. */
const LARGE = 400_000;

let directory: ReturnType<typeof temporaryDirectory>;
let sink: CountingSink;
let postern: Postern | undefined;
let traffic: Traffic | undefined;

beforeEach(async () => {
  directory = temporaryDirectory();
  sink = new CountingSink();
  await sink.start();
});

afterEach(async () => {
  await postern?.kill('SIGKILL');
  await traffic?.stop();
  await sink.stop();
  directory.remove();
});

async function start(mode: 'through' | 'queue'): Promise<Postern> {
  postern = await startPostern(
    {
      listeners: {
        inbound: { protocol: 'smtp', port: 0, domains: ['example.com'], downstream: 'sink', mode },
      },
      downstreams: { sink: { protocol: 'smtp', host: '127.0.0.1', port: sink.port, tls: 'none' } },
      queue: { retry: { first: '1s', max: '2s' } },
    },
    { directory: directory.path },
  );
  return postern;
}

/** Ends the downstream when it is in the middle of a message, and brings it back. */
async function dieInData(): Promise<void> {
  await new Promise<void>((resolve) => (sink.onPartial = resolve));
  sink.onPartial = undefined;
  await sink.stop();
  await sleep(100);
  await sink.start();
}

it('queue mode: a downstream that dies in DATA gets everything once it is back', async () => {
  const { ports } = await start('queue');
  for (let death = 0; death < DEATHS; death++) {
    const dying = dieInData();
    const before = traffic?.acknowledged ?? new Set();
    traffic = new Traffic({ port: ports['inbound']!, sessions: 4, size: LARGE, limit: 20, run: `r${death}` });
    await dying;
    await traffic.ended();
    for (const id of before) traffic.acknowledged.add(id);
    await waitFor(async () => ((await listed(directory.path, 'queue')).length === 0 ? true : undefined));
  }
  expect(traffic!.refusals).toEqual([]);
  expect(traffic!.acknowledged.size).toBe(20 * DEATHS);
  expect(sink.missing(traffic!.acknowledged)).toEqual([]);
  expect(sink.duplicates).toBeLessThanOrEqual(DEATHS);
  expect(postern!.log.some(({ msg }) => msg === 'deferred')).toBe(true);
}, 90_000);

it('through mode: a downstream that dies in DATA is a 4xx for those messages, and no more', async () => {
  const { ports } = await start('through');
  const dying = dieInData();
  traffic = new Traffic({ port: ports['inbound']!, sessions: 4, size: LARGE });
  await dying;
  const back = sink.arrived.size;
  await waitFor(() => (sink.arrived.size > back + 10 ? true : undefined));
  await traffic.stop();

  const { acknowledged, refusals } = traffic;
  expect(refusals.length).toBeGreaterThan(0);
  for (const refusal of refusals) expect(refusal).toMatch(/^4\d\d 4\.\d\.\d /);
  expect(sink.missing(acknowledged)).toEqual([]);
  expect(sink.duplicates).toBe(0);
  // One line for each message that was not taken, and it names the cause.
  const told = () =>
    postern!.log
      .filter(({ msg }) => msg === 'transaction')
      .map((line) => JSON.stringify(line))
      .filter((line) => /"reply":"4\d\d 4\.\d\.\d [^"]*downstream sink/.test(line));
  await waitFor(() => (told().length >= refusals.length ? true : undefined));
  expect(told()).toHaveLength(refusals.length);
}, 60_000);
