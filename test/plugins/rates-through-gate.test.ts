import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { temporaryDirectory, type Postern } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { enter, startThreeWays } from '../support/three-ways.ts';
import { unbuilt } from './ask.ts';

/** `greylist` and `rate-limit` in the real program, by SMTP, LMTP and submission, their counters in its store. */
const SKIPPED = unbuilt('greylist') || unbuilt('rate-limit');

const { path: directory, remove } = temporaryDirectory();
let gate: Postern;

const windowSeconds = 3600;
const CONFIG = {
  all: { group: 'grey' },
  submission: { mode: 'queue', group: 'outbound' },
  more: {
    few: { group: 'few' },
    rated: { group: 'rated' },
    'rated-store': { protocol: 'lmtp', group: 'rated' },
  },
  config: {
    services: {
      greylist: { plugin: 'greylist', grants: { kv: {} }, settings: { delaySeconds: 2, whitelistAfter: 0 } },
      users: {
        plugin: 'rate-limit',
        grants: { kv: {} },
        settings: { limits: [{ count: 'recipients', per: 'user', max: 2, windowSeconds }] },
      },
      connections: {
        plugin: 'rate-limit',
        grants: { kv: {} },
        settings: { limits: [{ count: 'connections', per: 'client', max: 2, windowSeconds }] },
      },
      messages: {
        plugin: 'rate-limit',
        grants: { kv: {} },
        settings: {
          limits: [
            { count: 'messages', per: 'sender', max: 2, windowSeconds },
            { count: 'messages', per: 'recipient', max: 2, windowSeconds, text: 'Mailbox is busy' },
          ],
        },
      },
    },
    groups: {
      grey: ['greylist'],
      outbound: ['users', 'greylist'],
      few: ['connections'],
      rated: ['messages'],
    },
    bounce: { downstream: 'local' },
  },
};

const start = async (): Promise<Postern> => startThreeWays(CONFIG, { directory });

const codes = async (dialog: Dialog, ...lines: readonly string[]): Promise<string[]> => {
  const replies: string[] = [];
  for (const line of lines) replies.push((await dialog.say(line)).slice(0, 9));
  return replies;
};

/** Says a command until it is deferred no more: seldom, for a session may have only some errors. */
const until = (dialog: Dialog, line: string, expected: unknown): Promise<void> =>
  expect.poll(() => codes(dialog, line), { interval: 700, timeout: 20_000 }).toEqual([expected]);

const mailbox = (address: string): string[] => {
  const folder = join(directory, 'mail', address, 'new');
  return existsSync(folder) ? readdirSync(folder) : [];
};

describe.skipIf(SKIPPED !== '')(`in the program${SKIPPED}`, () => {
  beforeAll(async () => {
    gate = await start();
  });

  afterAll(async () => {
    await gate?.kill('SIGKILL');
    remove();
  });

  test('greylist defers at RCPT over SMTP and LMTP, remembers over a kill, and lets pass what comes back', async () => {
    const over = { inbound: 'smtp@example.com', store: 'lmtp@example.com' };
    for (const [listener, recipient] of Object.entries(over)) {
      const dialog = await enter(gate, listener);
      expect(
        await codes(dialog, 'MAIL FROM:<bob@example.net>', `RCPT TO:<${recipient}>`, 'DATA', 'QUIT'),
      ).toEqual([
        expect.stringMatching(/^250/),
        '451 4.7.1',
        expect.stringMatching(/^5/),
        expect.stringMatching(/^221/),
      ]);
    }
    await gate.kill('SIGKILL');
    gate = await start();
    for (const [listener, recipient] of Object.entries(over)) {
      const dialog = await enter(gate, listener);
      expect(await codes(dialog, 'MAIL FROM:<bob@example.net>')).toEqual(['250 2.1.0']);
      await until(dialog, `RCPT TO:<${recipient}>`, '250 2.1.5');
      expect(await codes(dialog, 'DATA')).toEqual([expect.stringMatching(/^354/)]);
      expect(await dialog.say('Subject: hello\r\n\r\nhello\r\n.')).toMatch(/^250 /);
      expect(mailbox(recipient)).toHaveLength(1);
    }
    const line = await gate.waitForLog(({ msg, recipients }) => {
      return msg === 'transaction' && JSON.stringify(recipients) === '["smtp@example.com"]';
    });
    expect(line['tags']).toEqual({ greylist: expect.stringMatching(/^passed after \d+ s$/) as unknown });
  });

  test('a bounce waits at DATA, a look at an address does not', async () => {
    const dialog = await enter(gate, 'inbound');
    expect(
      await codes(dialog, 'MAIL FROM:<>', 'RCPT TO:<ann@example.com>', 'RCPT TO:<ben@example.com>', 'DATA'),
    ).toEqual(['250 2.1.0', '250 2.1.5', '250 2.1.5', '451 4.7.1']);
    // The transaction is still there.
    await until(dialog, 'DATA', expect.stringMatching(/^354/));
    expect(await dialog.say('Subject: failed\r\n\r\nyour mail\r\n.')).toMatch(/^250 /);
    expect([mailbox('ann@example.com').length, mailbox('ben@example.com').length]).toEqual([1, 1]);
  });

  test('submission: users pass the greylist, and have a limit of recipients', async () => {
    const dialog = await enter(gate, 'submission');
    const said = await codes(
      dialog,
      'MAIL FROM:<ann@example.com>',
      'RCPT TO:<a@elsewhere.example>',
      'RCPT TO:<b@elsewhere.example>',
      'RCPT TO:<c@elsewhere.example>',
      'DATA',
    );
    expect(said).toEqual(['250 2.1.0', '250 2.1.5', '250 2.1.5', '452 4.5.3', expect.stringMatching(/^354/)]);
    expect(await dialog.say('Subject: out\r\n\r\nhello\r\n.')).toMatch(/^250 /);
  });

  test('one connection too many is told 421 and closed', async () => {
    for (let open = 0; open < 2; open++) await enter(gate, 'few');
    const third = await Dialog.open(gate.ports['few']!, { greeting: false });
    expect(await third.hear()).toMatch(/^421 4\.7\.0 Too many connections, try again later \(OPES /);
    expect(await third.closed()).toBe('');
  });

  test('one message too many is told so at MAIL, one recipient too many at RCPT, by SMTP and by LMTP', async () => {
    for (const listener of ['rated', 'rated-store']) {
      const sender = `${listener}@example.net`;
      const dialog = await enter(gate, listener);
      const recipient = `${listener}@example.com`;
      const rcpt = `RCPT TO:<${recipient}>`;
      expect(
        await codes(dialog, `MAIL FROM:<${sender}>`, rcpt, 'RSET', `MAIL FROM:<${sender}>`, rcpt, 'RSET'),
      ).toEqual(['250 2.1.0', '250 2.1.5', '250 2.0.0', '250 2.1.0', '250 2.1.5', '250 2.0.0']);
      expect(await codes(dialog, `MAIL FROM:<${sender}>`)).toEqual(['450 4.7.1']);
      expect(await codes(dialog, 'MAIL FROM:<other@example.net>')).toEqual(['250 2.1.0']);
      expect(await dialog.say(rcpt)).toMatch(/^450 4\.2\.1 Mailbox is busy \(OPES /);
      // The session goes on, with other recipients.
      expect(await codes(dialog, 'RCPT TO:<free@example.com>', 'RSET')).toEqual(['250 2.1.5', '250 2.0.0']);
    }
  });
});
