import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listed } from '../support/cli.ts';
import { temporaryDirectory, type Postern } from '../support/postern.ts';
import { startThreeWays, USER, WAYS } from '../support/three-ways.ts';
import { arrived, mailsIn, type TestMail } from './support/mails.ts';
import { readMail } from './support/read-mail.ts';
import { GTUBE, startRspamd, type Rspamd } from './support/rspamd.ts';
import { lacks, type Finished } from './support/servers.ts';
import { swaksBy } from './support/swaks.ts';

const missing = lacks('rspamd', 'swaks', 'python3');

// Clients to Postern by SMTP, LMTP and submission; the plugin asks rspamd; what passes lies in Maildirs.
describe.skipIf(missing !== '')(`rspamd with rspamd${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  let rspamd: Rspamd | undefined;
  let postern: Postern | undefined;

  beforeAll(async () => {
    rspamd = await startRspamd(at('rspamd'));
    const url = `http://127.0.0.1:${rspamd.port}`;
    const service = {
      plugin: 'rspamd',
      allowModify: true,
      grants: { http: { targets: [url], timeout: '2s' } },
    };
    const settings = { url };
    postern = await startThreeWays(
      {
        all: { group: 'all' },
        domains: ['box.test'],
        config: {
          services: {
            refusing: { ...service, settings },
            holding: {
              ...service,
              settings: { ...settings, onReject: 'quarantine', onSoftReject: 'accept' },
            },
          },
          groups: {
            all: [
              { service: 'refusing', when: { recipient: ['ann@box.test', 'ben@box.test'] } },
              { service: 'holding', when: { recipient: 'held@box.test' } },
            ],
          },
        },
      },
      { directory: directory.path },
    );
  }, 60_000);

  afterAll(async () => {
    await postern?.stop();
    await rspamd?.stop();
    directory.remove();
  });

  function mailWith(subject: string, body = 'hello'): TestMail {
    const id = crypto.randomUUID();
    const fields = ['From: Bob <bob@example.net>', `Subject: ${subject}`, `Message-ID: <${id}@example.net>`];
    return { id, text: [...fields, 'X-Gone: 1', 'X-Spam: No', '', body, ''].join('\r\n') };
  }

  const send = (
    mail: TestMail,
    { listener, to = ['ann@box.test'] }: { listener: string; to?: readonly string[] },
  ): Promise<Finished> => swaksBy(postern!, listener, { from: 'bob@example.net', to, text: mail.text });
  const maildir = (user: string): string => join(at('mail'), `${user}@box.test`);

  it.each(WAYS)('tells it of the dialog, and does to the header what it says, by %s', async (listener) => {
    const mail = mailWith('hello');
    expect((await send(mail, { listener, to: ['ann@box.test', 'ben@box.test'] })).code).toBe(0);
    const text = await arrived(maildir('ann'), mail);
    const { header } = await readMail(text);
    expect(header['x-told']).toMatch(/^127\.0\.0\.1 \S+ bob@example\.net ann@box\.test\+ben@box\.test /);
    const user = listener === 'submission' ? USER.name : '-';
    expect(header['x-told']!.split(' ').slice(-2)).toEqual([user, String(mail.text.length)]);
    expect(header['x-gone']).toBeUndefined();
    expect(text.match(/^X-Twice: (?:one|two)/gm)).toHaveLength(2);
    expect(header['subject']).toBe('hello');
  });

  it.each(WAYS)('refuses what it rejects, by %s', async (listener) => {
    const { output } = await send(mailWith('hello', GTUBE), { listener });
    expect(output).toMatch(/550 5\.7\.1 Gtube pattern/);
  });

  it.each(WAYS)('holds it where the settings say so, by %s', async (listener) => {
    const before = (await listed(directory.path, 'quarantine')).length;
    expect((await send(mailWith('hello', GTUBE), { listener, to: ['held@box.test'] })).code).toBe(0);
    const held = await listed(directory.path, 'quarantine');
    expect(held).toHaveLength(before + 1);
    expect(held.at(-1)).toMatchObject({ service: 'holding', reason: 'rspamd: reject, 15.0 points' });
  });

  it.each(['greylist', 'soft reject'])('has the client come back: %s', async (action) => {
    const mail = mailWith(`action=${action}`);
    expect((await send(mail, { listener: 'inbound' })).output).toMatch(/451 4\.7\.1 so says the subject/);
    expect((await send(mail, { listener: 'inbound', to: ['held@box.test'] })).code).toBe(0);
    expect(await arrived(maildir('held'), mail)).toContain(mail.id);
  });

  it('adds a field, in the place of one from outside, or rewrites the subject, and files it', async () => {
    const junk = join(maildir('ann'), '.Junk');
    const flagged = mailWith('action=add header');
    await send(flagged, { listener: 'inbound' });
    expect((await arrived(junk, flagged)).match(/^X-Spam: .*/gm)).toEqual(['X-Spam: Yes']);
    const rewritten = mailWith('action=rewrite subject');
    await send(rewritten, { listener: 'inbound' });
    expect((await readMail(await arrived(junk, rewritten))).header['subject']).toBe('*** said ***');
  });

  it('hands on a message that is longer than a request may be', async () => {
    const mail = mailWith('large', `${'x'.repeat(70)}\r\n`.repeat(150_000));
    expect(mail.text.length).toBeGreaterThan(8 * 1024 * 1024);
    expect((await send(mail, { listener: 'inbound', to: ['ben@box.test'] })).code).toBe(0);
    const told = (await arrived(maildir('ben'), mail)).match(/^X-Told: ([^\r]*(?:\r\n[ \t][^\r]*)*)/m)?.[1];
    expect(told).toContain(String(mail.text.length));
  });

  it('tells the client to come back while rspamd is slow, or does not run', async () => {
    const slow = await send(mailWith('action=slow'), { listener: 'inbound' });
    expect(slow.output).toMatch(/<\*\* 451 4\.7\.1 A filter is out of order/);
    await rspamd!.stop();
    const mail = mailWith('hello');
    const down = await send(mail, { listener: 'inbound' });
    expect(down.output).toMatch(/<\*\* 451 4\.7\.1 A filter is out of order/);
    await rspamd!.start();
    expect((await send(mail, { listener: 'inbound' })).code).toBe(0);
    expect(await arrived(maildir('ann'), mail)).toContain('X-Told');
    expect((await mailsIn(maildir('ann'))).filter((text) => text.includes('action=slow'))).toEqual([]);
  });
});
