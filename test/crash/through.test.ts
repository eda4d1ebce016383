import { expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { killOften } from './killing.ts';
import { setUp } from './setting.ts';
import { Traffic } from './traffic.ts';

const KILLS = 8;

const setting = setUp();
const { directory, sink } = setting;

it('through mode: no 250 without that of the downstream, however often Postern is killed', async () => {
  const port = await freePort();
  const config = {
    listeners: {
      inbound: { protocol: 'smtp', port, domains: ['example.com'], downstream: 'sink', mode: 'through' },
    },
    downstreams: { sink: { protocol: 'smtp', host: '127.0.0.1', port: sink.port, tls: 'none' } },
    log: { level: 'warn' },
  };
  const traffic = new Traffic({ port, sessions: 16, size: 4000 });
  setting.traffic = traffic;
  const plan = {
    what: 'kills in through mode',
    directory: directory.path,
    config,
    kills: KILLS,
    runsMs: 500,
  };
  setting.postern = await killOften({ ...plan, onStart: (started) => (setting.postern = started) });
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
