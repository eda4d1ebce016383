import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  dkimpySigns,
  dkimpyVerifies,
  dkimpyVerifiesArc,
  opendkimVerifies,
} from '../capability/other-dkim.ts';
import { mailsIn } from '../interop/support/mails.ts';
import { lacks } from '../interop/support/servers.ts';
import { listed } from '../support/cli.ts';
import { temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { sendBy, startThreeWays } from '../support/three-ways.ts';
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

const config = (port: number) => ({
  all: { group: 'inbound' },
  domains: ['example.org'],
  submission: { mode: 'queue', group: 'outbound' },
  config: {
    resolver: { servers: [`127.0.0.1:${port}`], timeout: '1s' },
    keys: { ours: { type: 'dkim', file: './keys/s1.private', domain: 'example.com', selector: 's1' } },
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
  },
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
  const [reply] = await sendBy(gate, listener, { from, to: [to], text });
  return reply!;
}

/** What has arrived for an address, once it has. */
const arrived = (address: string): Promise<string> =>
  waitFor(async () => (await mailsIn(join(directory, 'mail', address)))[0]);

const resultsIn = (message: string): string[] =>
  [...message.matchAll(/^Authentication-Results:((?:.*\r?\n)(?:[ \t].*\r?\n)*)/gm)].map(([, value]) =>
    value!.replace(/\r?\n/g, '').trim(),
  );

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
    gate = await startThreeWays(config(unbound.port), { directory });
  });

  afterAll(async () => {
    await gate?.stop();
    await unbound?.end();
    remove();
  });

  test('what is submitted is signed, and comes in by SMTP and LMTP as what it is', async () => {
    const mail = { from: 'ann@example.com', to: 'out@example.org', text: letter('Ann <ann@example.com>') };
    expect(await send('submission', mail)).toMatch(/^250 /);
    const message = await arrived('out@example.org');
    expect(resultsIn(message)).toEqual([]);
    expect(await dkimpyVerifies(message, { s1: record })).toBe('pass');
    expect(await opendkimVerifies(message, { records: { s1: record }, directory })).toContain('dkim=pass');

    for (const [listener, spf] of [
      ['inbound', 'fail'],
      ['store', 'none'],
    ] as const) {
      const to = `${listener}@example.org`;
      expect(await send(listener, { ...mail, to, text: message })).toMatch(/^250 /);
      const received = await arrived(to);
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
    expect(await send('inbound', mail)).toMatch(/^550 5\.7\.26 DMARC of example\.com failed/);
    const signed = await dkimpySigns(mail.text, {
      pem: readFileSync(join(directory, 'keys', 's1.private'), 'utf8'),
      selector: 's1',
    });
    expect(await send('inbound', { ...mail, text: signed.replace('Hello', 'Hullo') })).toMatch(
      /^550 5\.7\.26 /,
    );
    expect(await send('store', { ...mail, to: 'lmtp@example.org' })).toMatch(/^250 /);
    expect(resultsIn(await arrived('lmtp@example.org')).join('')).toContain('dmarc=none');
    expect(existsSync(join(directory, 'mail', 'not@example.org'))).toBe(false);
  });

  test('SPF alone is enough, a DNS that does not answer is not', async () => {
    const mail = { from: 'eve@example.net', to: 'spf@example.org', text: letter('eve@example.net') };
    expect(await send('inbound', mail)).toMatch(/^250 /);
    expect(resultsIn(await arrived('spf@example.org')).join('')).toContain(
      'dmarc=pass header.from=example.net',
    );
    const silent = { from: 'x@silent.test', to: 'not@example.org', text: letter('x@silent.test') };
    expect(await send('inbound', silent)).toMatch(/^451 4\.7\.5 /);
  });

  test('what readers may show as another author is held', async () => {
    const mail = { from: 'eve@example.net', to: 'held@example.org' };
    for (const author of ['ann@example.com <eve@example.net>', '<eve@example.net> <ann@example.com>']) {
      expect(await send('inbound', { ...mail, text: letter(author) })).toMatch(/^250 /);
      expect(await send('store', { ...mail, text: letter(author) })).toMatch(/^250 /);
    }
    expect(await listed(directory, 'quarantine')).toHaveLength(4);
    expect(existsSync(join(directory, 'mail', 'held@example.org'))).toBe(false);
  });

  test('a user who writes in the name of another domain is not signed for', async () => {
    const mail = { from: 'ann@example.com', to: 'other@example.org', text: letter('boss@example.net') };
    expect(await send('submission', mail)).toMatch(/^250 /);
    expect(await arrived('other@example.org')).not.toContain('DKIM-Signature');
  });
});
