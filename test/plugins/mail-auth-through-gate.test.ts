import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../src/smtp/password-file.ts';
import {
  dkimpySigns,
  dkimpyVerifies,
  dkimpyVerifiesArc,
  opendkimVerifies,
} from '../capability/other-dkim.ts';
import { lacks } from '../interop/support/servers.ts';
import { startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { Dialog } from '../support/smtp-dialog.ts';
import { startUnbound, type Unbound } from '../support/unbound.ts';
import { unbuilt } from './ask.ts';

/**
 * `dkim-sign` and `mail-auth` in the real program, with a key of OpenDKIM's `opendkim-genkey`: mail goes out by submission, and comes in by
 * SMTP and by LMTP. Names are an unbound's.
 */
const SKIPPED =
  unbuilt('mail-auth') ||
  unbuilt('dkim-sign') ||
  lacks('unbound', 'opendkim', 'opendkim-genkey', 'dkimverify');

const GENKEY = '/usr/sbin/opendkim-genkey';

const { path: directory, remove } = temporaryDirectory();
let gate: Postern;
let unbound: Unbound;
let record = '';

const incoming = { downstream: 'local', mode: 'through', group: 'inbound' };

const config = (port: number): object => ({
  resolver: { servers: [`127.0.0.1:${port}`], timeout: '1s' },
  keys: { ours: { type: 'dkim', file: './keys/s1.private', domain: 'example.com', selector: 's1' } },
  listeners: {
    mx: { protocol: 'smtp', port: 0, domains: ['example.org'], ...incoming },
    store: { protocol: 'lmtp', port: 0, ...incoming },
    out: {
      protocol: 'submission',
      port: 0,
      auth: { file: './users' },
      downstream: 'local',
      mode: 'queue',
      group: 'outbound',
    },
  },
  downstreams: { local: { protocol: 'maildir', path: './mail' } },
  services: {
    'mail-auth': {
      plugin: 'mail-auth',
      allowModify: true,
      grants: { auth: true, key: { keys: ['ours'] } },
      settings: { authservId: 'mx.example.org', seal: 'ours', onTempError: 'tempfail' },
    },
    'dkim-sign': {
      plugin: 'dkim-sign',
      allowModify: true,
      grants: { key: { keys: ['ours'] } },
      settings: { domains: { 'example.com': 'ours' } },
    },
  },
  groups: { inbound: ['mail-auth'], outbound: ['mail-auth', 'dkim-sign'] },
  bounce: { downstream: 'local' },
});

const FORGED = 'Authentication-Results: mx.example.org; dmarc=pass';
const letter = (from: string): string =>
  [
    FORGED,
    `From: ${from}`,
    'To: bob@example.org',
    'Subject: hello',
    'Date: Mon, 1 Jan 2024 00:00:00 +0000',
    '',
    'Hello',
    '',
  ].join('\r\n');

/** Sends it, and gives the last reply. */
async function send(
  listener: string,
  { from, to, text }: { from: string; to: string; text: string },
): Promise<string> {
  const dialog = await Dialog.open(gate.ports[listener]!);
  await dialog.say(`${listener === 'store' ? 'LHLO' : 'EHLO'} client.example.com`);
  if (listener === 'out') {
    await dialog.say('STARTTLS');
    await dialog.secure();
    await dialog.say('EHLO client.example.com');
    await dialog.say(`AUTH PLAIN ${Buffer.from('\0ann\0secret').toString('base64')}`);
  }
  expect(await dialog.say(`MAIL FROM:<${from}>`)).toMatch(/^250 /);
  expect(await dialog.say(`RCPT TO:<${to}>`)).toMatch(/^250 /);
  expect(await dialog.say('DATA')).toMatch(/^354 /);
  dialog.send(`${text}.\r\n`);
  const reply = await dialog.hear();
  await dialog.say('QUIT');
  return reply;
}

/** What has arrived for an address, once it has; the mailbox is empty then. */
async function arrived(address: string): Promise<string> {
  const folder = join(directory, 'mail', address, 'new');
  for (const until = Date.now() + 15_000; Date.now() < until; await sleep(50)) {
    const [file] = existsSync(folder) ? readdirSync(folder) : [];
    if (file !== undefined) return readFileSync(join(folder, file), 'latin1');
  }
  throw new Error(`nothing has arrived for ${address}`);
}

const resultsIn = (message: string): string[] =>
  [...message.matchAll(/^Authentication-Results:((?:.*\r?\n)(?:[ \t].*\r?\n)*)/gm)].map(([, value]) =>
    value!.replace(/\r?\n/g, '').trim(),
  );

const crlf = (message: string): string => message.replace(/\r?\n/g, '\r\n');

describe.skipIf(SKIPPED !== '')(`in the program${SKIPPED}`, () => {
  beforeAll(async () => {
    mkdirSync(join(directory, 'keys'));
    execFileSync(GENKEY, ['-b', '2048', '-s', 's1', '-d', 'example.com', '-D', join(directory, 'keys')]);
    record = [...readFileSync(join(directory, 'keys', 's1.txt'), 'utf8').matchAll(/"([^"]*)"/g)]
      .map(([, text]) => text)
      .join('');
    unbound = await startUnbound({
      zones: ['com', 'net', 'org'],
      silent: ['silent.test'],
      records: [
        `s1._domainkey.example.com. 300 IN TXT ${record
          .match(/.{1,200}/g)!
          .map((part) => `"${part}"`)
          .join(' ')}`,
        'example.com. 300 IN TXT "v=spf1 ip4:192.0.2.1 -all"',
        '_dmarc.example.com. 300 IN TXT "v=DMARC1; p=reject"',
        'example.net. 300 IN TXT "v=spf1 ip4:127.0.0.1 -all"',
        '_dmarc.example.net. 300 IN TXT "v=DMARC1; p=reject"',
      ],
    });
    writeFileSync(join(directory, 'users'), `ann:${await hashPassword('secret')}\n`);
    gate = await startPostern(config(unbound.port), { directory });
  });

  afterAll(async () => {
    await gate?.stop();
    await unbound?.end();
    remove();
  });

  test('what is submitted is signed, and comes in by SMTP and LMTP as what it is', async () => {
    const mail = { from: 'ann@example.com', to: 'out@example.org', text: letter('Ann <ann@example.com>') };
    expect(await send('out', mail)).toMatch(/^250 /);
    const message = crlf(await arrived('out@example.org'));
    expect(resultsIn(message)).toEqual([]);
    expect(await dkimpyVerifies(message, { s1: record })).toBe('pass');
    expect(await opendkimVerifies(message, { records: { s1: record }, directory })).toContain('dkim=pass');

    for (const [listener, spf] of [
      ['mx', 'fail'],
      ['store', 'none'],
    ] as const) {
      const to = `${listener}@example.org`;
      expect(await send(listener, { ...mail, to, text: message })).toMatch(/^250 /);
      const received = crlf(await arrived(to));
      const [ours = '', ...others] = resultsIn(received);
      expect(others).toEqual([]);
      expect(ours).toMatch(/^mx\.example\.org;\s/);
      expect(ours).toContain(`spf=${spf} `);
      expect(ours).toContain('dkim=pass header.d=example.com header.s=s1');
      expect(ours).toContain('dmarc=pass header.from=example.com policy.dmarc=reject');
      expect(await dkimpyVerifiesArc(received, { s1: record })).toMatch(/^pass 1 /);
      expect(await dkimpyVerifies(received, { s1: record })).toBe('pass');
    }
  });

  test('what its domain does not stand by is refused, by LMTP only where that can be told', async () => {
    const mail = { from: 'ann@example.com', to: 'not@example.org', text: letter('ann@example.com') };
    expect(await send('mx', mail)).toMatch(/^550 5\.7\.26 DMARC of example\.com failed/);
    const signed = await dkimpySigns(mail.text, {
      pem: readFileSync(join(directory, 'keys', 's1.private'), 'utf8'),
      selector: 's1',
    });
    expect(await send('mx', { ...mail, text: signed.replace('Hello', 'Hullo') })).toMatch(/^550 5\.7\.26 /);
    expect(await send('store', { ...mail, to: 'lmtp@example.org' })).toMatch(/^250 /);
    expect(resultsIn(await arrived('lmtp@example.org')).join('')).toContain('dmarc=none');
    expect(existsSync(join(directory, 'mail', 'not@example.org'))).toBe(false);
  });

  test('SPF alone is enough, a DNS that does not answer is not', async () => {
    const mail = { from: 'eve@example.net', to: 'spf@example.org', text: letter('eve@example.net') };
    expect(await send('mx', mail)).toMatch(/^250 /);
    expect(resultsIn(await arrived('spf@example.org')).join('')).toContain(
      'dmarc=pass header.from=example.net',
    );
    const silent = { from: 'x@silent.test', to: 'not@example.org', text: letter('x@silent.test') };
    expect(await send('mx', silent)).toMatch(/^451 4\.7\.5 /);
  });

  test('a user who writes in the name of another domain is not signed for', async () => {
    const mail = { from: 'ann@example.com', to: 'other@example.org', text: letter('boss@example.net') };
    expect(await send('out', mail)).toMatch(/^250 /);
    expect(await arrived('other@example.org')).not.toContain('DKIM-Signature');
  });
});
