import { execFile, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, startPostern, temporaryDirectory, waitFor, type Postern } from './support/postern.ts';
import { Dialog } from './support/smtp-dialog.ts';

/**
 * The way of a newcomer: the example config with `--demo`, and then what it printed, word for word. Only the ports are
 * others, so that it can run beside anything else.
 */
const run = promisify(execFile);
const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const required = process.env['POSTERN_REQUIRE_SERVERS'] !== undefined;

const example = (): string => {
  const text = readFileSync(join(ROOT, 'postern.example.yaml'), 'utf8');
  const anyPort = text.replaceAll(/^( +port: )\d+$/gm, '$10');
  return `${anyPort}pluginDirectory: ${JSON.stringify(join(ROOT, 'plugins'))}\n`;
};

const accountIn = (output: string): { user: string; password: string } | undefined => {
  const found = /^Account for submission, shown this once: user (\S+), password (\S+)$/m.exec(output);
  return found === null ? undefined : { user: found[1]!, password: found[2]! };
};

describe('postern run --demo with the example config', () => {
  const { path: directory, remove } = temporaryDirectory();
  let gate: Postern;
  let account: { user: string; password: string };

  const start = (): Promise<Postern> => startPostern(example(), { directory, arguments: ['--demo'] });

  beforeAll(async () => {
    gate = await start();
    account = accountIn(gate.output())!;
  });

  afterAll(async () => {
    await gate?.stop();
    remove();
  });

  /** The mails in a mailbox, once there are so many. */
  const mailbox = (address: string, count = 1): Promise<string[]> =>
    waitFor(() => {
      const folder = join(directory, 'var/maildir', address, 'new');
      const names = existsSync(folder) ? readdirSync(folder).sort() : [];
      if (names.length < count) return undefined;
      return names.map((name) => readFileSync(join(folder, name), 'latin1'));
    });

  it('says where it listens, one line for each of the three', () => {
    const { inbound, store, submission } = gate.ports;
    expect(gate.output().split('\n').slice(0, 4)).toEqual([
      'Postern listens:',
      `  smtp       127.0.0.1:${inbound}`.padEnd(35) + 'inbound, through → local',
      `  lmtp       127.0.0.1:${store}`.padEnd(35) + 'store, through → local',
      `  submission 127.0.0.1:${submission}`.padEnd(35) + 'submission, queue → local',
    ]);
  });

  it('makes an account with a password worth the name, and keeps only its hash', () => {
    expect(account.user).toBe('demo');
    expect(account.password).toMatch(/^[a-z0-9]{16}$/);
    const file = readFileSync(join(directory, 'var/users'), 'utf8');
    expect(file).toMatch(/^demo:scrypt\$/);
    expect(file).not.toContain(account.password);
  });

  it('lets nobody else read what it keeps: key, certificate, accounts', () => {
    for (const name of ['tls/localhost.key.pem', 'tls/localhost.cert.pem', 'users']) {
      expect([name, statSync(join(directory, 'var', name)).mode & 0o777]).toEqual([name, 0o600]);
    }
    expect(statSync(join(directory, 'var/tls')).mode & 0o777).toBe(0o700);
  });

  it('prints a curl line that works as it is, and another that shows the program gone and the text intact', async () => {
    const [curl, cat] = ['curl', 'cat'].map(
      (word) => new RegExp(`^  (${word} .*)$`, 'm').exec(gate.output())![1]!,
    );
    await run('sh', ['-c', curl!], { cwd: directory });
    const { stdout } = await run('sh', ['-c', cat!], { cwd: directory });
    const demo = readFileSync(join(ROOT, 'docs/demo/invoice.eml'), 'latin1');
    const sent = demo.replaceAll(/\r?\n/g, '\r\n');

    expect(stdout).not.toContain('TVqQAAMAAAAEAAAA');
    const [header, text, guarded] = sent.split('--demo\r\n');
    expect(guarded).toContain('invoice.pdf.exe');
    expect(stdout).toContain(`${header}--demo\r\n${text}--demo\r\n`);
    const note = stdout.slice(stdout.lastIndexOf('--demo\r\n')).replaceAll('=\r\n', '');
    expect(note).toContain('The attachment invoice.pdf.exe was removed: ');
    expect(stdout).toMatch(/^Return-Path: <you@example.net>\r\nDelivered-To: ann@example.com\r\nReceived: /);
  });

  it('refuses blocked@example.com at RCPT, other domains too, and goes on in the same session', async () => {
    const dialog = await Dialog.open(gate.ports['inbound']!);
    await dialog.say('EHLO client.example.net');
    await dialog.say('MAIL FROM:<bob@example.net>');
    expect(await dialog.say('RCPT TO:<Blocked@Example.com>')).toBe(
      '550 5.7.1 This mailbox takes no mail (OPES mailto:postmaster@localhost?service=access)',
    );
    expect(await dialog.say('RCPT TO:<x@example.org>')).toMatch(/^550 5\.7\.1 Relaying/);
    expect(await dialog.say('RCPT TO:<carl@example.com>')).toMatch(/^250 /);
    expect(await dialog.say('DATA')).toMatch(/^354 /);
    expect(await dialog.say('Subject: one\r\n\r\nfor carl\r\n.')).toMatch(/^250 /);
    expect(await dialog.say('MAIL FROM:<bob@spam.example>')).toBe(
      '550 5.7.1 We take no mail from this domain (OPES mailto:postmaster@localhost?service=access)',
    );
    await dialog.say('QUIT');
    const [mail] = await mailbox('carl@example.com');
    expect(mail).toContain('\r\n\r\nfor carl\r\n');
    expect(existsSync(join(directory, 'var/maildir/blocked@example.com'))).toBe(false);
  });

  it('sends mail for old@example.com to new@example.com, by LMTP as well', async () => {
    const dialog = await Dialog.open(gate.ports['store']!);
    await dialog.say('LHLO mta.example.net');
    await dialog.say('MAIL FROM:<bob@example.net>');
    expect(await dialog.say('RCPT TO:<old@example.com>')).toMatch(/^250 /);
    expect(await dialog.say('RCPT TO:<blocked@example.com>')).toMatch(/^550 /);
    await dialog.say('DATA');
    expect(await dialog.say('Subject: moved\r\n\r\nhello\r\n.')).toMatch(/^250 /);
    await dialog.say('QUIT');
    const [mail] = await mailbox('new@example.com');
    expect(mail).toContain('Delivered-To: new@example.com\r\n');
    expect(existsSync(join(directory, 'var/maildir/old@example.com'))).toBe(false);
  });

  const swaks = (password: string): Promise<{ code: number; output: string }> => {
    const options = {
      '--server': `127.0.0.1:${gate.ports['submission']}`,
      '--auth': 'PLAIN',
      '--auth-user': account.user,
      '--auth-password': password,
      '--from': 'demo@example.com',
      '--to': 'eve@example.com',
      '--header': 'Subject: submitted',
    };
    return new Promise((resolve) => {
      execFile('swaks', ['--tls', ...Object.entries(options).flat()], (error, stdout) => {
        resolve({ code: typeof error?.code === 'number' ? error.code : 0, output: stdout });
      });
    });
  };

  it.skipIf(!has('swaks') && !required)(
    'takes a submission by swaks over STARTTLS, and refuses a wrong password with 535 (skipped without swaks)',
    async () => {
      const wrong = await swaks('not-the-password');
      expect(wrong.output).toContain('<~* 535 5.7.8 ');
      expect(wrong.code).not.toBe(0);

      const right = await swaks(account.password);
      expect(right.output).toContain('=== TLS started');
      expect(right.output).toMatch(/<~ {2}250 2\.0\.0 Queued as /);
      expect(right.code).toBe(0);
      const [mail] = await mailbox('eve@example.com');
      expect(mail).toMatch(/^Subject: submitted\r$/m);
      expect(mail).toMatch(/with ESMTPSA/);
    },
  );

  it('takes no mail on the submission port without a login', async () => {
    const dialog = await Dialog.open(gate.ports['submission']!);
    expect(await dialog.say('EHLO client.example.net')).not.toContain('AUTH');
    expect(await dialog.say('MAIL FROM:<bob@example.net>')).toMatch(/^530 /);
    expect(await dialog.say('AUTH PLAIN AGRlbW8AZGVtbw==')).toMatch(/^538 /);
    await dialog.say('QUIT');
  });

  it('writes the journal: who, to whom, how large, what became of it', async () => {
    const line = await gate.waitForLog(
      ({ service, msg }) => service === 'journal' && msg.includes('carl@example.com'),
    );
    expect(JSON.parse(line.msg)).toMatchObject({
      listener: 'inbound',
      protocol: 'smtp',
      client: '127.0.0.1',
      helo: 'client.example.net',
      sender: 'bob@example.net',
      size: 'Subject: one\r\n\r\nfor carl\r\n'.length,
      outcomes: [{ recipient: 'carl@example.com', disposition: 'deliver' }],
    });
  });

  it('logs neither content nor password', () => {
    const log = JSON.stringify(gate.log);
    expect(log).toContain('carl@example.com');
    expect(log).not.toContain('for carl');
    expect(log).not.toContain(account.password);
  });

  it('shows no password on the second start, and the first one still works', async () => {
    const before = readFileSync(join(directory, 'var/users'), 'utf8');
    expect(await gate.stop()).toBe(0);
    gate = await start();
    expect(accountIn(gate.output())).toBeUndefined();
    expect(gate.output()).not.toContain(account.password);
    expect(readFileSync(join(directory, 'var/users'), 'utf8')).toBe(before);

    const dialog = await Dialog.open(gate.ports['submission']!);
    await dialog.say('EHLO client.example.net');
    await dialog.say('STARTTLS');
    await dialog.secure();
    await dialog.say('EHLO client.example.net');
    const plain = Buffer.from(`\0${account.user}\0${account.password}`).toString('base64');
    expect(await dialog.say(`AUTH PLAIN ${plain}`)).toMatch(/^235 /);
    await dialog.say('QUIT');
  });

  it('checks without a complaint, once the accounts are there', () => {
    const file = join(directory, 'postern.yaml');
    const { stdout, status } = spawnSync(
      process.execPath,
      [join(ROOT, 'dist/main.js'), 'check', '-c', file],
      { encoding: 'utf8' },
    );
    expect([status, stdout]).toEqual([0, `${file}: good\n`]);
  });
});
