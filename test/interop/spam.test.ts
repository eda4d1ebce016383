import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directoryName } from '../../src/delivery/maildir-name.ts';
import { listed } from '../support/cli.ts';
import { temporaryDirectory, type Postern } from '../support/postern.ts';
import { startThreeWays, WAYS } from '../support/three-ways.ts';
import { startUnbound, type Unbound } from '../support/unbound.ts';
import { arrived, mailsIn, type TestMail } from './support/mails.ts';
import { readMail } from './support/read-mail.ts';
import { lacks, type Finished } from './support/servers.ts';
import { swaksBy } from './support/swaks.ts';

const missing = lacks('unbound', 'swaks', 'python3');

const RULES = [
  { name: 'PILLS', score: 5, text: 'cheap pills' },
  { name: 'CASINO', score: 5, text: 'casino' },
  { name: 'LOTTERY', score: 5, header: { Subject: '*lottery*' } },
];

// Clients to Postern by SMTP, LMTP and submission; the plugin asks an unbound; what passes lies in Maildirs.
describe.skipIf(missing !== '')(`spam with lists in DNS${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  let dns: Unbound | undefined;
  let postern: Postern | undefined;

  beforeAll(async () => {
    dns = await startUnbound({
      zones: ['zen.test', 'dbl.test'],
      records: ['1.0.0.127.zen.test. 300 IN A 127.0.0.4', 'bad.example.dbl.test. 300 IN A 127.0.1.2'],
      silent: ['silent.test'],
    });
    const spam = { plugin: 'spam', allowModify: true, grants: { dns: { timeout: '1s' } } };
    const lists = [
      { zone: 'zen.test', of: 'client', score: 1 },
      { zone: 'dbl.test', of: ['links', 'author'], score: 5 },
      { zone: 'silent.test', of: 'author', score: 50 },
    ];
    const acting = { header: true, rules: RULES, lists };
    postern = await startThreeWays(
      {
        all: { group: 'all' },
        domains: ['box.test'],
        config: {
          bounce: { downstream: 'local' },
          resolver: { servers: [`127.0.0.1:${dns.port}`], timeout: '300ms' },
          services: {
            sorting: { ...spam, settings: { ...acting, actions: { mark: 5, quarantine: 10, reject: 15 } } },
            filing: {
              ...spam,
              settings: { ...acting, actions: { folder: 5 } },
            },
            returning: { ...spam, settings: { ...acting, actions: { bounce: 5 } } },
          },
          groups: {
            all: [
              { service: 'returning', when: { recipient: 'strict@box.test' } },
              { service: 'filing', when: { recipient: 'carl@box.test' } },
              { service: 'sorting', when: { recipient: ['ann@box.test', 'ben@box.test'] } },
            ],
          },
        },
      },
      { directory: directory.path },
    );
  }, 60_000);

  afterAll(async () => {
    await postern?.stop();
    await dns?.end();
    directory.remove();
  });

  function mailWith(body: string, subject = 'hello'): TestMail {
    const id = crypto.randomUUID();
    const text = [
      'From: Bob <bob@example.net>',
      `Subject: ${subject}`,
      `Message-ID: <${id}@example.net>`,
      '',
      body,
      '',
    ].join('\r\n');
    return { id, text };
  }

  const send = (
    mail: TestMail,
    { listener, to = 'ann@box.test' }: { listener: string; to?: string },
  ): Promise<Finished> => swaksBy(postern!, listener, { from: 'bob@box.test', to: [to], text: mail.text });
  const maildir = (user: string): string => join(at('mail'), directoryName(`${user}@box.test`));
  const headerOf = async (mail: TestMail, user = 'ann') =>
    (await readMail(await arrived(maildir(user), mail))).header;

  it.each(WAYS)('marks spam that comes by %s, and adds a header', async (listener) => {
    const mail = mailWith('Buy CHEAP\r\npills now');
    expect((await send(mail, { listener })).code).toBe(0);
    // The list of clients is asked about strangers only.
    const tests = listener === 'inbound' ? 'PILLS=5.0,zen.test=1.0' : 'PILLS=5.0';
    const score = listener === 'inbound' ? '6.0' : '5.0';
    expect(await headerOf(mail)).toMatchObject({
      subject: '[SPAM] hello',
      'x-spam-flag': 'YES',
      'x-spam-status': `Yes, score=${score} required=5.0 tests=${tests}`,
    });
  });

  it.each(WAYS)('lets other mail pass by %s', async (listener) => {
    const mail = mailWith('At noon? http://www.good.example/');
    expect((await send(mail, { listener })).code).toBe(0);
    const header = await headerOf(mail);
    expect(header['subject']).toBe('hello');
    expect(header['x-spam-flag']).toBeUndefined();
    expect(header['x-spam-status']).toMatch(/^No, score=/);
  });

  it.each(WAYS)('counts a link in a list of domains, by %s', async (listener) => {
    const mail = mailWith('See http://user@www.bad.example:80/x');
    expect((await send(mail, { listener })).code).toBe(0);
    expect((await headerOf(mail))['x-spam-status']).toContain('dbl.test=5.0');
  });

  it.each(WAYS)('refuses in the dialog, by %s', async (listener) => {
    const { output } = await send(mailWith('cheap pills, casino', 'Lottery'), { listener });
    expect(output).toMatch(/550 5\.7\.1 .*This looks like spam/);
  });

  it.each(WAYS)('holds in the quarantine, by %s', async (listener) => {
    const mail = mailWith('cheap pills: casino');
    expect((await send(mail, { listener })).code).toBe(0);
    expect(await listed(directory.path, 'quarantine')).toContainEqual(
      expect.objectContaining({
        service: 'sorting',
        recipients: [expect.objectContaining({ address: 'ann@box.test' })],
        reason: expect.stringMatching(/^spam: 1[01]\.0 points: PILLS=5\.0,CASINO=5\.0/) as string,
      }),
    );
  });

  it.each(WAYS)('files it in the folder for spam, by %s', async (listener) => {
    const mail = mailWith('cheap pills');
    expect((await send(mail, { listener, to: 'carl@box.test' })).code).toBe(0);
    expect(await arrived(join(maildir('carl'), '.Junk'), mail)).toContain('X-Spam-Flag: YES');
    expect((await mailsIn(maildir('carl'))).filter((text) => text.includes(mail.id))).toEqual([]);
    const other = mailWith('At noon?');
    expect((await send(other, { listener, to: 'carl@box.test' })).code).toBe(0);
    expect(await arrived(maildir('carl'), other)).toContain('X-Spam-Status: No');
  });

  it('returns it to the sender', async () => {
    const mail = mailWith('cheap pills');
    const before = (await mailsIn(maildir('bob'))).length;
    expect((await send(mail, { listener: 'submission', to: 'strict@box.test' })).code).toBe(0);
    const bounce = await arrived(maildir('bob'), mail);
    expect(bounce).toMatch(/^Return-Path: <>/m);
    expect((await mailsIn(maildir('bob'))).length).toBe(before + 1);
    expect(await mailsIn(maildir('strict'))).toEqual([]);
  });

  it('lets mail through while DNS is out of order, and counts the rest', async () => {
    await dns!.end();
    // What was asked before is still known.
    const mail = mailWith('cheap pills http://www.new.example/');
    expect((await send(mail, { listener: 'inbound' })).code).toBe(0);
    const status = (await headerOf(mail))['x-spam-status'];
    expect(status).toBe('Yes, score=6.0 required=5.0 tests=PILLS=5.0,zen.test=1.0');
  });
});
