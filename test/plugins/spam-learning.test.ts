import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { listed, postern } from '../support/cli.ts';
import { temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { enter, startThreeWays } from '../support/three-ways.ts';

// Each starts the real program, perhaps beside much else.
vi.setConfig({ testTimeout: 120_000 });

/** `spam` in the real program learns from reports over submission and from releases, and judges by it what comes by SMTP and LMTP. */
const { path: directory, remove } = temporaryDirectory();
let gate: Postern;

const CONFIG = {
  all: { group: 'all' },
  config: {
    services: {
      spam: {
        plugin: 'spam',
        allowModify: true,
        grants: { kv: {} },
        settings: {
          header: true,
          bayes: { spam: 6, other: -2 },
          learn: { spam: 'Spam@example.com', other: 'ham@example.com' },
          actions: { quarantine: 5 },
        },
      },
    },
    groups: { all: ['spam'] },
  },
};

beforeAll(async () => {
  gate = await startThreeWays(CONFIG, { directory });
}, 60_000);
afterAll(async () => {
  await gate?.stop();
  remove();
});

/** The reply to the last command that was said: the first that refuses, or that to the message. */
async function send(listener: string, to: string | readonly string[], message: string): Promise<string> {
  const dialog = await enter(gate, listener);
  await dialog.say('MAIL FROM:<bob@example.net>');
  for (const address of [to].flat()) {
    const said = await dialog.say(`RCPT TO:<${address}>`);
    if (!said.startsWith('250')) return said;
  }
  await dialog.say('DATA');
  const reply = await dialog.say(`${message.replaceAll(/\r?\n/g, '\r\n')}\r\n.`);
  await dialog.say('QUIT');
  return reply;
}

const SPAM = 'Buy cheap watches and pills from our casino today, lottery winner';
const OTHER = 'The meeting about the quarterly budget moves to Thursday, agenda attached';
const mail = (text: string, more = ''): string =>
  `From: bob@example.net\nSubject: hello\n\n${text} ${more}\n`;

function report(text: string): string {
  const parts = Array.from(
    { length: 60 },
    (_, index) => `--edge\nContent-Type: message/rfc822\n\n${mail(text, `number${index}`)}`,
  );
  return `From: ann@example.com\nSubject: report\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=edge\n\n${parts.join('\n')}\n--edge--\n`;
}

const delivered = (text: string): string[] => {
  const inbox = join(directory, 'mail');
  return readdirSync(inbox, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .filter((message) => message.includes(text));
};

const hasLearnt = (what: string) =>
  waitFor(() => gate.log.find((line) => JSON.stringify(line).includes(what)));

test.each(['inbound', 'store'])('%s: a stranger teaches nothing', async (listener) => {
  expect(await send(listener, 'spam@example.com', report(SPAM))).toMatch(/^550 5\.7\.1 Reports are taken/);
});

test('what is no report is refused, and says how to report', async () => {
  expect(await send('submission', 'spam@example.com', mail(SPAM))).toMatch(
    /^554 5\.6\.1 Attach what you report/,
  );
  expect(await send('submission', ['spam@example.com', 'ann@example.com'], report(SPAM))).toMatch(
    /^554 5\.5\.4 A report goes/,
  );
});

test('before anything is learnt, it says nothing', async () => {
  expect(await send('inbound', 'ann@example.com', mail(SPAM, 'early'))).toMatch(/^250 /);
  expect(delivered('early')[0]).toContain('X-Spam-Status: No, score=0.0 required=5.0 tests=none');
});

test('users teach it what is spam and what is not', async () => {
  expect(await send('submission', 'SPAM@example.com', report(SPAM))).toMatch(/^250 /);
  expect(await send('submission', 'ham@example.com', report(OTHER))).toMatch(/^250 /);
  await hasLearnt('learnt 60 of spam');
  await hasLearnt('learnt 60 of other mail');
  expect(delivered('Subject: report')).toEqual([]);
});

test.each(['inbound', 'store'])('%s: it tells one from the other then', async (listener) => {
  expect(await send(listener, 'ann@example.com', mail(OTHER, `good ${listener}`))).toMatch(/^250 /);
  expect(delivered(`good ${listener}`)[0]).toMatch(
    /X-Spam-Status: No, score=-\d\.\d required=5\.0 tests=BAYES=-/,
  );
  expect(await send(listener, 'ann@example.com', mail(SPAM, `bad ${listener}`))).toMatch(/^250 /);
  expect(delivered(`bad ${listener}`)).toEqual([]);
});

test('what a person releases is learnt as no spam', async () => {
  const [held] = await listed(directory, 'quarantine');
  expect(held).toMatchObject({ reason: expect.stringMatching(/^spam: [56]\.\d points: BAYES=/) as string });
  expect(await postern(directory, 'quarantine', 'release', held!.id)).toBe('1 released to the queue\n');
  await waitFor(() => (delivered('bad inbound').length === 1 ? true : undefined));
  // With the next mail.
  expect(await send('inbound', 'ann@example.com', mail('short'))).toMatch(/^250 /);
  await hasLearnt('learnt 1 of other mail');
});
