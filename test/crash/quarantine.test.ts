import { expect, it } from 'vitest';
import { listed, postern as run } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { waitFor } from '../support/postern.ts';
import { killOften } from './killing.ts';
import { setUp } from './setting.ts';
import { Traffic } from './traffic.ts';

const KILLS = 5;

const setting = setUp();
const { directory, sink } = setting;

it('quarantine: whatever got its 250 is held, once, and can be released, however often Postern is killed', async () => {
  const port = await freePort();
  const config = {
    listeners: {
      inbound: {
        protocol: 'smtp',
        port,
        domains: ['example.com'],
        downstream: 'sink',
        mode: 'queue',
        group: 'inbound',
      },
    },
    downstreams: { sink: { protocol: 'smtp', host: '127.0.0.1', port: sink.port, tls: 'none' } },
    services: {
      access: {
        plugin: 'access-control',
        settings: { rules: [{ recipient: 'held@example.com', action: 'quarantine' }] },
      },
    },
    groups: { inbound: ['access'] },
    log: { level: 'warn' },
  };
  const traffic = new Traffic({ port, sessions: 8, size: 4000, recipient: 'held@example.com' });
  setting.traffic = traffic;
  const plan = {
    what: 'kills while quarantining',
    directory: directory.path,
    config,
    kills: KILLS,
    runsMs: 700,
  };
  setting.postern = await killOften({ ...plan, onStart: (started) => (setting.postern = started) });
  await traffic.stop();

  const { sent, acknowledged, unknown } = traffic;
  const held = await listed(directory.path, 'quarantine');
  const idOf = ({ sender }: (typeof held)[number]) => sender.address.replace('@example.org', '');
  console.log({
    kills: KILLS,
    sent: sent.size,
    acknowledged: acknowledged.size,
    unknown,
    held: held.length,
  });
  const ids = new Set(held.map(idOf));
  expect(traffic.refusals).toEqual([]);
  expect(acknowledged.size).toBeGreaterThan(KILLS);
  expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);
  expect(ids.size).toBe(held.length);
  expect(sink.arrived.size).toBe(0);

  const released = held.slice(0, 20);
  await run(directory.path, 'quarantine', 'release', ...released.map(({ id }) => id));
  await waitFor(() => (sink.missing(released.map(idOf)).length === 0 ? true : undefined));
  expect(sink.arrived.size).toBe(released.length);
}, 120_000);
