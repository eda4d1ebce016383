import { afterAll, beforeAll, expect, it } from 'vitest';
import { CountingSink } from '../support/counting-sink.ts';
import { freePort } from '../support/free-port.ts';
import { temporaryDirectory, type Postern } from '../support/postern.ts';
import { killOften } from './killing.ts';
import { Traffic } from './traffic.ts';

const KILLS = 8;

const directory = temporaryDirectory();
const sink = new CountingSink();
let postern: Postern | undefined;
let traffic: Traffic | undefined;

beforeAll(() => sink.start());

afterAll(async () => {
  await postern?.kill('SIGKILL');
  await traffic?.stop();
  await sink.stop();
  directory.remove();
});

it('through mode: no 250 without that of the downstream, however often Postern is killed', async () => {
  const port = await freePort();
  const config = {
    listeners: {
      inbound: { protocol: 'smtp', port, domains: ['example.com'], downstream: 'sink', mode: 'through' },
    },
    downstreams: { sink: { protocol: 'smtp', host: '127.0.0.1', port: sink.port, tls: 'none' } },
    log: { level: 'warn' },
  };
  traffic = new Traffic({ port, sessions: 16, size: 4000 });
  const plan = {
    what: 'kills in through mode',
    directory: directory.path,
    config,
    kills: KILLS,
    runsMs: 500,
  };
  postern = await killOften({ ...plan, onStart: (started) => (postern = started) });
  await traffic.stop();

  const { sent, acknowledged, unknown } = traffic;
  console.log({
    kills: KILLS,
    sent: sent.size,
    acknowledged: acknowledged.size,
    unknown,
    arrived: sink.arrived.size,
    duplicates: sink.duplicates,
  });
  expect(acknowledged.size).toBeGreaterThan(KILLS);
  expect(traffic.refusals).toEqual([]);
  expect(sink.missing(acknowledged)).toEqual([]);
  expect(sink.duplicates).toBe(0);
}, 120_000);
