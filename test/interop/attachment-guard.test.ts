import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/smtp/password-file.ts';
import { listed } from '../support/cli.ts';
import { startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { arrived, mailsIn, type TestMail } from './support/mails.ts';
import { readMail } from './support/read-mail.ts';
import { lacks, type Finished } from './support/servers.ts';
import { swaks } from './support/swaks.ts';

const missing = lacks('zip', 'swaks', 'python3');
const LMTP = ['--protocol', 'LMTP'];
const LOGIN = '--tls --auth PLAIN --auth-user ann --auth-password sesame'.split(' ');
const WAYS = [
  ['inbound', []],
  ['store', LMTP],
  ['submission', LOGIN],
] as const;

// Clients to Postern by SMTP, LMTP and submission, with archives that a real tool made; what passes lies in Maildirs.
describe.skipIf(missing !== '')(`attachment-guard and archives${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  let postern: Postern | undefined;

  beforeAll(async () => {
    writeFileSync(at('users'), `ann:${await hashPassword('sesame')}\n`);
    const common = { port: 0, downstream: 'local', mode: 'through', group: 'all' };
    postern = await startPostern(
      {
        listeners: {
          inbound: { protocol: 'smtp', domains: ['box.test', 'labs.test'], ...common },
          store: { protocol: 'lmtp', domains: ['box.test', 'labs.test'], ...common },
          submission: { protocol: 'submission', auth: { file: at('users') }, ...common },
        },
        downstreams: { local: { protocol: 'maildir', path: at('mail') } },
        services: {
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
          labs: { plugin: 'attachment-guard', settings: { blockExtensions: ['scr'], action: 'quarantine' } },
        },
        groups: { all: [{ service: 'labs', when: { recipientDomain: 'labs.test' } }, 'guard'] },
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
    { listener, words, to }: { listener: string; words: readonly string[]; to: readonly string[] },
  ): Promise<Finished> => {
    const port = postern!.ports[listener]!;
    return swaks({ directory: directory.path, port, from: 'bob@example.net', to, text: mail.text, words });
  };
  const maildir = (address: string): string => join(at('mail'), address);

  it.each(WAYS)('takes a program in an archive out of mail by %s', async (listener, words) => {
    const mail = mailWith('invoice.exe');
    expect((await send(mail, { listener, words, to: ['ann@box.test'] })).code).toBe(0);
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

  it.each(WAYS)('leaves an archive with nothing in it alone, by %s', async (listener, words) => {
    const mail = mailWith('invoice.txt');
    expect((await send(mail, { listener, words, to: ['ben@box.test'] })).code).toBe(0);
    expect((await arrived(maildir('ben@box.test'), mail)).endsWith(mail.text)).toBe(true);
  });

  it('has groups of recipients get messages of their own, and each the verdict of theirs', async () => {
    const mail = mailWith('invoice.exe');
    const to = ['cleo@box.test', 'joe@labs.test', 'strict@box.test', 'held@box.test'];
    const { output } = await send(mail, { listener: 'store', words: LMTP, to });
    expect(output.match(/^<.*554 5\.7\.1 .*Attachment not accepted: invoice\.zip/gm)).toHaveLength(1);
    expect(await arrived(maildir('cleo@box.test'), mail)).toContain('X-Postern-Attachment: removed');
    expect(await arrived(maildir('joe@labs.test'), mail)).toContain(mail.text);
    expect(await mailsIn(maildir('strict@box.test'))).toEqual([]);
    const held = await listed(directory.path, 'quarantine');
    expect(held).toMatchObject([{ recipients: [{ address: 'held@box.test' }], service: 'guard' }]);
  });
});
