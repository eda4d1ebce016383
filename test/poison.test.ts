import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { listed, postern } from './support/cli.ts';
import { freePort } from './support/free-port.ts';
import { startPostern, temporaryDirectory, type Postern } from './support/postern.ts';
import { Dialog } from './support/smtp-dialog.ts';
import { stumbling } from './support/stumbling.ts';

/** What to undo, last first. */
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanups.splice(0).toReversed()) await undo();
});

const BAD = `Subject: bad\r\n\r\n${'bad '.repeat(30)}\r\n`;
const GOOD = 'Subject: good\r\n\r\ngood\r\n';

async function send(port: number, text: string): Promise<string> {
  const dialog = await Dialog.open(port);
  await dialog.say('EHLO client.example.net');
  await dialog.say('MAIL FROM:<bob@example.net>');
  expect(await dialog.say('RCPT TO:<ann@example.com>')).toMatch(/^250 /);
  expect(await dialog.say('DATA')).toMatch(/^354 /);
  const said = await dialog.say(`${text}.`);
  expect(await dialog.say('QUIT')).toMatch(/^221 /);
  return said;
}

const delivered = ({ directory }: Postern): string[] => {
  const folder = join(directory, 'mail/ann@example.com/new');
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
};

describe.each([
  ['traps', '(unreachable)', 'trap'],
  ['spins', '(loop $forever (br $forever))', 'deadline'],
])('a message over which a service %s', (_, wat, failure) => {
  it(
    'is in the quarantine after three tries, over kills and reloads, and can be released',
    { timeout: 120_000 },
    async () => {
      const { path: directory, remove } = temporaryDirectory();
      cleanups.push(remove);
      writeFileSync(join(directory, 'stumbles.wasm'), stumbling(wat, { octets: 100 }));
      const port = await freePort();
      const service = { plugin: './stumbles.wasm', limits: { deadlineMs: 300 } };
      const config = {
        listeners: {
          in: {
            protocol: 'smtp',
            port,
            domains: ['example.com'],
            downstream: 'local',
            mode: 'through',
            group: 'g',
          },
        },
        downstreams: { local: { protocol: 'maildir', path: './mail' } },
        // The first never counts, though it breaks as well.
        services: { watched: { ...service, mode: 'monitor' }, filter: service },
        groups: { g: ['watched', 'filter'] },
      };
      const start = async (): Promise<Postern> => {
        const gate = await startPostern(config, { directory });
        cleanups.push(() => gate.stop());
        return gate;
      };
      const first = await start();
      expect(await send(port, BAD)).toMatch(/^451 4\.7\.1 /);
      expect(await send(port, GOOD)).toMatch(/^250 /);
      await first.kill('SIGKILL');

      const second = await start();
      expect(await send(port, BAD)).toMatch(/^451 4\.7\.1 /);
      process.kill(second.pid, 'SIGHUP');
      await second.waitForLog(({ msg }) => msg === 'config reloaded');
      expect(await listed(directory, 'quarantine')).toEqual([]);
      // In queue mode nothing tells it apart; in through mode this is what held mail is told.
      expect(await send(port, BAD)).toMatch(/^250 2\.0\.0 Queued as /);
      const line = await second.waitForLog(({ msg }) =>
        msg.startsWith('a message that has broken a service'),
      );
      expect(line).toMatchObject({ level: 40, service: 'filter', failure, times: 3 });
      const held = await listed(directory, 'quarantine');
      expect(held).toMatchObject([
        { service: 'filter', reason: `it has broken the service filter 3 times (${failure})` },
      ]);
      await second.kill('SIGKILL');

      const third = await start();
      expect(await send(port, BAD)).toMatch(/^250 /);
      expect(await send(port, GOOD)).toMatch(/^250 /);
      expect(delivered(third).filter((text) => text.endsWith(BAD))).toEqual([]);
      await postern(directory, 'quarantine', 'release', held[0]!.id);
      await third.waitForLog(({ msg }) => msg === 'delivered');
      expect(delivered(third).filter((text) => text.endsWith(BAD))).toHaveLength(1);
      expect(delivered(third).filter((text) => text.endsWith(GOOD))).toHaveLength(2);
    },
  );
});
