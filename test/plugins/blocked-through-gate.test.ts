import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryDirectory, type Postern } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { sendBy, startThreeWays } from '../support/three-ways.ts';

/** `blocklist` and `normalize` in the real program, by SMTP, LMTP and submission. */
const { path: directory, remove } = temporaryDirectory();
let gate: Postern;

const CONFIG = {
  all: { group: 'inbound' },
  submission: { mode: 'queue' },
  config: {
    services: {
      normalize: { plugin: 'normalize', allowModify: true },
      blocklist: {
        plugin: 'blocklist',
        grants: { kv: {} },
        settings: {
          entries: [
            { sender: '@spam.example', reply: { code: 554, text: 'No spam' } },
            { recipient: 'closed@example.com', reply: { enhanced: '5.2.1', text: 'Mailbox is closed' } },
            { recipient: 'ann@example.com', subject: '*cheap pills*', reply: { text: 'No pills' } },
          ],
          recipients: { 'carl@example.com': { block: '@shop.example' } },
        },
      },
    },
    groups: { inbound: ['normalize', 'blocklist'] },
    bounce: { downstream: 'local' },
  },
};

beforeAll(async () => {
  gate = await startThreeWays(CONFIG, { directory });
}, 60_000);
afterAll(async () => {
  await gate?.stop();
  remove();
});

const PILLS = 'From: bob@example.net\r\nSubject: =?utf-8?Q?Cheap_?= =?utf-8?Q?pills?=\r\n\r\nx\r\n';

async function open(listener: string, greeting: string): Promise<Dialog> {
  const dialog = await Dialog.open(gate.ports[listener]!);
  expect(await dialog.say(greeting)).toMatch(/^250/);
  return dialog;
}

async function replies(dialog: Dialog, lines: readonly string[]): Promise<string[]> {
  const heard: string[] = [];
  for (const line of lines) heard.push(await dialog.say(line));
  return heard;
}

test.each([
  ['inbound', 'EHLO mail.example.net'],
  ['store', 'LHLO mail.example.net'],
])('%s: each command has its own reply', async (listener, greeting) => {
  const dialog = await open(listener, greeting);
  expect(
    await replies(dialog, [
      'MAIL FROM:<a@SPAM.example>',
      'MAIL FROM:<ads@shop.example>',
      'RCPT TO:<closed@example.com>',
      'RCPT TO:<carl@example.com>',
      'RCPT TO:<ann%example.org@example.com>',
      'RCPT TO:<dora@example.com>',
      'QUIT',
    ]),
  ).toEqual([
    expect.stringMatching(/^554 5\.7\.1 No spam/),
    expect.stringMatching(/^250 /),
    expect.stringMatching(/^550 5\.2\.1 Mailbox is closed/),
    expect.stringMatching(/^550 5\.7\.1 The recipient does not accept mail from this sender/),
    expect.stringMatching(/^501 5\.1\.3 Routes in the local part are not accepted/),
    expect.stringMatching(/^250 /),
    expect.stringMatching(/^221 /),
  ]);
});

test('LMTP: one recipient is refused at the end of the message, the other gets it', async () => {
  const to = ['ann@example.com', 'dora@example.com'];
  expect(await sendBy(gate, 'store', { to, text: PILLS })).toEqual([
    expect.stringMatching(/^550 5\.7\.1 No pills/),
    expect.stringMatching(/^250 /),
  ]);
});

test('SMTP: the only recipient is refused at the end of the message', async () => {
  expect(await sendBy(gate, 'inbound', { to: ['ann@example.com'], text: PILLS })).toEqual([
    expect.stringMatching(/^550 5\.7\.1 No pills/),
  ]);
});

/** Messages of the Maildir that have this text. */
function delivered(text: string): string[] {
  const folder = join(directory, 'mail');
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1').replaceAll('\r\n', '\n'))
    .filter((message) => message.includes(text));
}

test.each([
  ['inbound', 'EHLO MAIL.example.net.'],
  ['store', 'LHLO MAIL.example.net.'],
])('%s: what is mended arrives mended', async (listener, greeting) => {
  const dialog = await open(listener, greeting);
  await replies(dialog, ['MAIL FROM:<bob@example.net>', 'RCPT TO:<Dora@EXAMPLE.com>', 'DATA']);
  dialog.send(
    `From: bob@example.net\r\nSubject: to ${listener}\r\nContent-Type: multipart/mixed\r\n\r\n--b\r\nContent-Type: html\r\n\r\nGr\xfc\xdfe\r\n.\r\n`,
  );
  expect(await dialog.hear()).toMatch(/^250 /);
  await dialog.say('QUIT');
  const [message = ''] = delivered(`Subject: to ${listener}\n`);
  expect(message).toContain('from mail.example.net ');
  expect(message).toContain('Content-Type: multipart/mixed; boundary="b"\n');
  expect(message).toContain('Content-Type: text/html; charset=');
  expect(message).toMatch(/--b--\n$/);
});

test('submission: what is mended is queued mended, and a HELO name that is none is refused', async () => {
  const dialog = await open('submission', 'EHLO laptop');
  expect(await dialog.say('EHLO mail$(id).example')).toMatch(/^501 5\.5\.4 The name is no domain/);
  await dialog.say('QUIT');
  const text = `From: ann@example.com\r\nSubject: queued\r\n\r\n${'long '.repeat(400)}\r\n`;
  const mail = { from: 'ann@example.com', to: ['dora@example.com'], text };
  expect(await sendBy(gate, 'submission', mail)).toEqual([expect.stringMatching(/^250 /)]);
  await gate.waitForLog(({ msg }) => msg === 'delivered');
  const [message = ''] = delivered('Subject: queued\n');
  expect(message).toContain('Content-Transfer-Encoding: quoted-printable\n');
});
