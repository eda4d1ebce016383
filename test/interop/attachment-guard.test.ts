import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listed } from '../support/cli.ts';
import { temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { startThreeWays, WAYS } from '../support/three-ways.ts';
import { arrived, mailsIn, type TestMail } from './support/mails.ts';
import { readMail } from './support/read-mail.ts';
import { lacks, type Finished } from './support/servers.ts';
import { swaksBy } from './support/swaks.ts';

const missing = lacks('zip', 'swaks', 'python3');

// Clients to Postern by SMTP, LMTP and submission, with archives that a real tool made; what passes lies in Maildirs.
describe.skipIf(missing !== '')(`attachment-guard and archives${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  let postern: Postern | undefined;

  beforeAll(async () => {
    postern = await startThreeWays(
      {
        all: { group: 'all' },
        domains: ['box.test', 'labs.test', 'told.test', 'sender.test'],
        config: {
          postmaster: 'admin@box.test',
          services: {
            telling: {
              plugin: 'attachment-guard',
              allowModify: true,
              grants: { notify: { to: ['sender', 'recipients', 'postmaster'] } },
              settings: { notify: ['sender', 'recipients', 'postmaster'] },
            },
            guard: {
              plugin: 'attachment-guard',
              allowModify: true,
              settings: {
                action: ['replace', 'mark', 'warn', 'header'],
                policies: [
                  { recipients: '@labs.test', blockExtensions: [] },
                  { recipients: 'strict@box.test', action: 'reject' },
                  { recipients: 'held@box.test', action: 'quarantine' },
                ],
              },
            },
            labs: {
              plugin: 'attachment-guard',
              settings: { blockExtensions: ['scr'], action: 'quarantine' },
            },
          },
          groups: {
            all: [
              { service: 'telling', when: { recipient: ['seen@told.test', 'hidden@told.test'] } },
              { service: 'labs', when: { recipientDomain: 'labs.test' } },
              'guard',
            ],
          },
        },
      },
      { directory: directory.path },
    );
  }, 60_000);

  afterAll(async () => {
    await postern?.stop();
    directory.remove();
  });

  function mailWith(file: string): TestMail {
    const id = crypto.randomUUID();
    writeFileSync(at(file), 'harmless');
    execFileSync('zip', ['-q', `${id}.zip`, file], { cwd: directory.path });
    const text = [
      'From: bob@example.net',
      'Subject: your invoice',
      `Message-ID: <${id}@example.net>`,
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=edge',
      '',
      '--edge',
      'Content-Type: text/html; charset=utf-8',
      'Content-Transfer-Encoding: base64',
      '',
      Buffer.from('<html><body bgcolor="#fff">grüße</body></html>').toString('base64'),
      '--edge',
      'Content-Type: application/zip; name=invoice.zip',
      'Content-Transfer-Encoding: base64',
      '',
      readFileSync(at(`${id}.zip`))
        .toString('base64')
        .replaceAll(/.{76}/g, '$&\r\n'),
      '--edge--',
      '',
    ];
    return { id, text: text.join('\r\n') };
  }

  const send = (
    mail: TestMail,
    { listener, to, from = 'bob@example.net' }: { listener: string; to: readonly string[]; from?: string },
  ): Promise<Finished> => swaksBy(postern!, listener, { from, to, text: mail.text });
  const maildir = (address: string): string => join(at('mail'), address);

  it.each(WAYS)('takes a program in an archive out of mail by %s', async (listener) => {
    const mail = mailWith('invoice.exe');
    expect((await send(mail, { listener, to: ['ann@box.test'] })).code).toBe(0);
    const read = await readMail(await arrived(maildir('ann@box.test'), mail));
    expect(read.defects).toEqual([]);
    expect(read.header).toMatchObject({
      subject: '[attachment removed] your invoice',
      'x-postern-attachment':
        'removed; name="invoice.zip"; in it, invoice.exe: files with the extension .exe are not allowed',
    });
    expect(read.parts[1]!.text).toMatch(
      /^<html><body bgcolor="#fff"><div [^>]*>An attachment of this message is not allowed: invoice\.zip: [^<]*<\/div> {0,2}\r\ngr\xc3\xbc\xc3\x9fe<\/body><\/html>$/,
    );
    expect(read.parts[2]).toMatchObject({
      type: 'text/plain',
      text: expect.stringContaining('The attachment invoice.zip was removed') as string,
    });
  });

  it.each(WAYS)('leaves an archive with nothing in it alone, by %s', async (listener) => {
    const mail = mailWith('invoice.txt');
    expect((await send(mail, { listener, to: ['ben@box.test'] })).code).toBe(0);
    expect((await arrived(maildir('ben@box.test'), mail)).endsWith(mail.text)).toBe(true);
  });

  it('has groups of recipients get messages of their own, and each the verdict of theirs', async () => {
    const mail = mailWith('invoice.exe');
    const to = ['cleo@box.test', 'joe@labs.test', 'strict@box.test', 'held@box.test'];
    const { output } = await send(mail, { listener: 'store', to });
    expect(output.match(/^<.*554 5\.7\.1 .*Attachment not accepted: invoice\.zip/gm)).toHaveLength(1);
    expect(await arrived(maildir('cleo@box.test'), mail)).toContain('X-Postern-Attachment: removed');
    expect(await arrived(maildir('joe@labs.test'), mail)).toContain(mail.text);
    expect(await mailsIn(maildir('strict@box.test'))).toEqual([]);
    const held = await listed(directory.path, 'quarantine');
    expect(held).toMatchObject([{ recipients: [{ address: 'held@box.test' }], service: 'guard' }]);
  });

  it.each(WAYS)(
    'tells sender, recipients and postmaster, and no recipient of another, by %s',
    async (listener) => {
      const mail = mailWith('invoice.exe');
      const from = `${crypto.randomUUID()}@sender.test`;
      const to = ['seen@told.test', 'hidden@told.test'];
      expect((await send(mail, { listener, to, from })).code).toBe(0);
      const noticeTo = async (address: string): Promise<string> => {
        const raw = await waitFor(async () =>
          (await mailsIn(maildir(address))).find(
            (one) => /^Auto-Submitted:/m.test(one) && one.includes(from),
          ),
        );
        const text = (await readMail(raw)).parts.map((part) => part.text ?? '').join('');
        expect(text).toContain('- invoice.zip (removed): in it, invoice.exe');
        return text;
      };
      for (const [reader, other] of [to, to.toReversed()] as [string, string][]) {
        const text = await noticeTo(reader);
        expect(text).toContain(`RCPT TO: <${reader}>`);
        expect(text).not.toContain(other);
      }
      for (const reader of [from, 'admin@box.test']) {
        const text = await noticeTo(reader);
        for (const address of to) expect(text).toContain(`RCPT TO: <${address}>`);
      }
    },
  );
});
