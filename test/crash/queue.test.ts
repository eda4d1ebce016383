import { expect, it } from 'vitest';
import { listed } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { waitFor } from '../support/postern.ts';
import { killOften } from './killing.ts';
import { setUp } from './setting.ts';
import { Traffic } from './traffic.ts';

const KILLS = 20;
const CONCURRENCY = 20;

const setting = setUp();
const { directory, sink } = setting;

it('queue mode: whatever got its 250 arrives, however often Postern is killed', async () => {
  const port = await freePort();
  const config = {
    listeners: {
      inbound: { protocol: 'smtp', port, domains: ['example.com'], downstream: 'sink', mode: 'queue' },
    },
    downstreams: { sink: { protocol: 'smtp', host: '127.0.0.1', port: sink.port, tls: 'none' } },
    queue: { concurrency: CONCURRENCY },
    log: { level: 'warn' },
  };
  const traffic = new Traffic({ port, sessions: 16, size: 4000 });
  setting.traffic = traffic;
  const plan = { what: 'kills in queue mode', directory: directory.path, config, kills: KILLS, runsMs: 800 };
  setting.postern = await killOften({ ...plan, onStart: (started) => (setting.postern = started) });
  await traffic.stop();
  await waitFor(async () => ((await listed(directory.path, 'queue')).length === 0 ? true : undefined));

  const { sent, acknowledged, unknown } = traffic;
  const { arrived, duplicates } = sink;
  console.log({
    kills: KILLS,
    sent: sent.size,
    acknowledged: acknowledged.size,
    unknown,
    arrived: arrived.size,
    duplicates,
  });
  expect(acknowledged.size).toBeGreaterThan(KILLS);
  expect(traffic.refusals).toEqual([]);
  expect(sink.missing(acknowledged)).toEqual([]);
  expect([...arrived.keys()].filter((id) => !sent.has(id))).toEqual([]);
  expect(Math.max(...arrived.values())).toBeLessThanOrEqual(1 + KILLS);
  expect(duplicates).toBeLessThanOrEqual(KILLS);
}, 180_000);
