import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { mailsIn } from './interop/support/mails.ts';
import { startPostern, temporaryDirectory, type Postern } from './support/postern.ts';
import { startQuietDns, type QuietDns } from './support/quiet-dns.ts';
import { Dialog } from './support/smtp-dialog.ts';

/** Many sessions whose filter waits for a DNS server that says nothing, beside others, in the real program. Orders are asserted, no durations. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });
const STORM = 100;
const GOOD = 100;
const WORKERS = 2;

const { path: directory, remove } = temporaryDirectory();
let dns: QuietDns;
let gate: Postern;

beforeAll(async () => {
  dns = await startQuietDns();
  const listener = {
    protocol: 'smtp',
    port: 0,
    domains: ['example.com'],
    downstream: 'local',
    mode: 'through',
    limits: { sessionsPerAddress: 2 * STORM },
  };
  gate = await startPostern(
    {
      listeners: {
        looking: { ...listener, group: 'looking' },
        other: { ...listener, group: 'other' },
      },
      downstreams: { local: { protocol: 'maildir', path: './mail' } },
      sandbox: { workers: WORKERS },
      resolver: { servers: [`127.0.0.1:${dns.port}`], timeout: '30s' },
      services: {
        spam: {
          plugin: 'spam',
          allowModify: true,
          grants: { dns: { timeout: '60s' } },
          limits: { deadlineMs: 60_000 },
          settings: { lists: [{ zone: 'dbl.test', of: 'author', score: 5 }], actions: { reject: 5 } },
        },
        guard: { plugin: 'attachment-guard', settings: { action: 'reject' } },
      },
      groups: { looking: ['spam'], other: ['guard'] },
    },
    { directory },
  );
});
afterAll(async () => {
  await gate?.stop();
  dns?.close();
  remove();
});

/** Sends a message in a session of its own; the reply to it, or the first that refuses a command before. */
async function send(listener: string, { to, from }: { to: string; from: string }): Promise<string> {
  const dialog = await Dialog.open(gate.ports[listener]!);
  const message = `From: ${from}\r\nSubject: hello\r\n\r\nAt noon?\r\n.`;
  let reply = '';
  for (const text of ['EHLO client.example.net', `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA', message]) {
    dialog.send(`${text}\r\n`);
    reply = await dialog.hear({ withinMs: 90_000 });
    if (/^[45]/.test(reply)) break;
  }
  dialog.vanish();
  return reply;
}

const box = (address: string): Promise<string[]> => mailsIn(join(directory, 'mail', address));

test('good mail goes on beside a storm of look-ups that nobody answers, and the storm goes on when somebody does', async () => {
  let answered = 0;
  const storm = Array.from({ length: STORM }, (_, index) =>
    send('looking', { to: 'storm@example.com', from: `bob@s${index}.example` }).finally(
      () => (answered += 1),
    ),
  );
  // More wait than there are workers.
  await expect.poll(() => dns.asked, { timeout: 30_000 }).toBeGreaterThan(2 * WORKERS);

  for (let sent = 0; sent < GOOD; sent += 10) {
    const good = Array.from({ length: 10 }, () =>
      send('other', { to: 'ann@example.com', from: 'eve@example.net' }),
    );
    expect(await Promise.all(good)).toEqual(good.map(() => expect.stringMatching(/^250 /) as unknown));
  }
  expect(await box('ann@example.com')).toHaveLength(GOOD);
  // They wait as before, and nothing of the storm has come through.
  expect(STORM - answered).toBeGreaterThan(2 * WORKERS);
  expect(await box('storm@example.com')).toEqual([]);

  dns.answer();
  const replies = await Promise.all(storm);
  const taken = replies.filter((reply) => reply.startsWith('250 '));
  // Those that have waited for too long are to come again; none is refused for good, and none is lost.
  const deferred = replies.filter((reply) => reply.startsWith('451 4.3.2 Too busy to filter this now'));
  expect([...taken, ...deferred]).toHaveLength(STORM);
  expect(taken.length).toBeGreaterThan(2 * WORKERS);
  expect(await box('storm@example.com')).toHaveLength(taken.length);
  expect(await send('looking', { to: 'late@example.com', from: 'bob@late.example' })).toMatch(/^250 /);
});
