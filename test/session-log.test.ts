import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, startPostern, temporaryDirectory, type LogLine, type Postern } from './support/postern.ts';
import { Dialog } from './support/smtp-dialog.ts';

/** What the log tells of sessions that end badly: one line each, with the cause, for people and for tools. */

const directory = temporaryDirectory();
let postern: Postern | undefined;

beforeAll(async () => {
  const main = join(ROOT, 'dist', 'main.js');
  const line = execFileSync(process.execPath, [main, 'hash-password', 'ann'], { input: 'right' });
  writeFileSync(join(directory.path, 'passwords'), line);
  const listener = { port: 0, downstream: 'local', limits: { errors: 2 } };
  postern = await startPostern(
    {
      listeners: {
        in: { ...listener, protocol: 'smtp', domains: ['example.com'] },
        small: { ...listener, protocol: 'smtp', domains: ['example.com'], maxMessageSize: '64KiB' },
        users: { ...listener, protocol: 'submission', auth: { file: './passwords' } },
      },
      downstreams: { local: { protocol: 'maildir', path: './mail' } },
    },
    { directory: directory.path },
  );
});

afterAll(async () => {
  await postern?.stop();
  directory.remove();
});

const IDS = {
  listener: expect.any(String),
  session: expect.any(String),
  client: '127.0.0.1',
};

let marks = 0;

/** All that is logged of a session in which `doing` goes on, and which has ended. */
async function logged(listener: string, doing: (dialog: Dialog) => Promise<void>): Promise<LogLine[]> {
  const from = postern!.log.length;
  const dialog = await Dialog.open(postern!.ports[listener]!);
  await dialog.say('EHLO client.test');
  await doing(dialog);
  await dialog.closed();
  const mark = `mark${marks++}@example.com`;
  const last = await Dialog.open(postern!.ports['in']!);
  await last.say('EHLO last.test');
  await begin(last, mark);
  await last.say('QUIT');
  const line = await postern!.waitForLog(({ recipients }) => String(recipients) === mark);
  return postern!.log.slice(from, postern!.log.indexOf(line));
}

async function begin(dialog: Dialog, recipient: string): Promise<void> {
  expect(await dialog.say('MAIL FROM:<bob@example.net>')).toMatch(/^250 /);
  expect(await dialog.say(`RCPT TO:<${recipient}>`)).toMatch(/^250 /);
}

async function secured(dialog: Dialog): Promise<void> {
  await dialog.say('STARTTLS');
  await dialog.secure();
  await dialog.say('EHLO client.test');
}

const plain = (user: string, password: string): string =>
  `AUTH PLAIN ${Buffer.from(`\0${user}\0${password}`).toString('base64')}`;

describe('one line tells', () => {
  it.each([
    ['a bare LF', 'a\nb\r\n', 'bareLf', '550 5.6.0'],
    ['a NUL', 'a\0b\r\n', 'nul', '550 5.6.0'],
    ['a message that is too large', `${'x'.repeat(997)}\r\n`.repeat(80), 'size', '552 5.3.4'],
  ])('of %s in the message', async (_, text, cause, code) => {
    const lines = await logged('small', async (dialog) => {
      await begin(dialog, 'ann@example.com');
      await dialog.say('DATA');
      expect(await dialog.say(`${text}.`)).toContain(code);
      await dialog.say('QUIT');
    });
    expect(lines).toEqual([
      expect.objectContaining({
        ...IDS,
        msg: 'transaction',
        listener: 'small',
        transaction: expect.any(String),
        recipients: ['ann@example.com'],
        ended: 'refused while receiving',
        cause,
        reply: expect.stringContaining(code),
      }),
    ]);
  });

  it('of each login that failed, with user and mechanism and no password, and of too many of them', async () => {
    const lines = await logged('users', async (dialog) => {
      await secured(dialog);
      expect(await dialog.say(plain('ann', 'guessed-one'))).toMatch(/^535 /);
      expect(await dialog.say('AUTH LOGIN')).toMatch(/^334 /);
      expect(await dialog.say(Buffer.from('n\u2028"obody').toString('base64'))).toMatch(/^334 /);
      expect(await dialog.say(Buffer.from('guessed-two').toString('base64'))).toMatch(/^421 4\.7\.0 /);
    });
    expect(lines.map(({ level: _l, time: _t, ...rest }) => rest)).toEqual([
      { ...IDS, listener: 'users', msg: 'login failed', mechanism: 'PLAIN', user: 'ann' },
      { ...IDS, listener: 'users', msg: 'login failed', mechanism: 'LOGIN', user: 'n?"obody' },
      {
        ...IDS,
        listener: 'users',
        msg: 'too many errors',
        errors: 2,
        reply: '535 5.7.8 Authentication credentials invalid',
      },
    ]);
    expect(JSON.stringify(lines)).not.toContain('guessed');
  });

  it('of a session that made too many errors', async () => {
    const lines = await logged('in', async (dialog) => {
      expect(await dialog.say('FROB')).toMatch(/^500 /);
      expect(await dialog.say('FROB')).toMatch(/^421 /);
    });
    expect(lines).toEqual([
      expect.objectContaining({ ...IDS, msg: 'too many errors', reply: expect.stringMatching(/^500 /) }),
    ]);
  });

  it('of a transaction that the client gave up, but of none before a RCPT', async () => {
    const lines = await logged('in', async (dialog) => {
      for (let i = 0; i < 50; i++) {
        await dialog.say('MAIL FROM:<bob@example.net>');
        await dialog.say('RSET');
      }
      await begin(dialog, 'ann@example.com');
      await dialog.say('RSET');
      await dialog.say('MAIL FROM:<bob@example.net>');
      await dialog.say('QUIT');
    });
    expect(lines).toEqual([
      expect.objectContaining({ ...IDS, msg: 'transaction', ended: 'the client gave it up' }),
    ]);
  });
});
