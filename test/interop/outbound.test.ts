import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashPassword } from '../../src/smtp/password-file.ts';
import { startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { expectNotice, expectProgramReplaced, expectUnchanged } from './support/expect.ts';
import { arrived, cleanMail, mailsIn, mailWithProgram, type TestMail } from './support/mails.ts';
import { startPostfix, type Postfix } from './support/postfix.ts';
import { readMail } from './support/read-mail.ts';
import { lacks, type Finished } from './support/servers.ts';
import { swaks } from './support/swaks.ts';

const SENDER = 'ann@sender.test';
const [BEN, CLEO, BLOCKED, NOBODY] = ['ben', 'cleo', 'blocked', 'nobody'].map(
  (user) => `${user}@box.test`,
) as [string, string, string, string];
const login = (kind: string, password = 'sesame'): string[] =>
  `--tls --auth ${kind} --auth-user ann --auth-password ${password}`.split(' ');
/** Exit codes of swaks. */
const [NO_RECIPIENT, NOT_AUTHENTICATED] = [24, 28];
const missing = lacks('postfix', 'swaks', 'python3');

describe.skipIf(missing !== '')(`swaks to Postern to Postfix, by SMTP${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  let postern: Postern | undefined;
  let postfix: Postfix | undefined;

  beforeAll(async () => {
    chmodSync(directory.path, 0o755);
    postfix = await startPostfix({
      directory: at('postfix'),
      hostname: 'box.test',
      mailboxes: [SENDER, BEN, CLEO, BLOCKED],
    });
    writeFileSync(at('ca.pem'), postfix.certificate);
    writeFileSync(at('users'), `ann:${await hashPassword('sesame')}\n`);
    const server = { protocol: 'smtp', host: '127.0.0.1', port: postfix.port };
    const reply = { text: 'This mailbox takes no mail' };
    postern = await startPostern(
      {
        listeners: {
          submission: {
            protocol: 'submission',
            port: 0,
            auth: { file: at('users') },
            downstream: 'checked',
            mode: 'queue',
            group: 'all',
          },
          inbound: {
            protocol: 'smtp',
            port: 0,
            domains: ['box.test'],
            downstream: 'opportunistic',
            mode: 'through',
            group: 'all',
          },
        },
        downstreams: {
          checked: { ...server, tls: 'required', ca: at('ca.pem') },
          opportunistic: server,
        },
        services: {
          access: {
            plugin: 'access-control',
            settings: { rules: [{ recipient: BLOCKED, action: 'reject', reply }] },
          },
          attachments: { plugin: 'attachment-guard', allowModify: true },
        },
        groups: { all: ['access', 'attachments'] },
      },
      { directory: at('postern') },
    );
  });

  afterAll(async () => {
    await Promise.all([postfix?.stop(), postern?.stop()]);
    directory.remove();
  });

  const submit = (
    listener: string,
    order: { mail: TestMail; to: readonly string[]; words: readonly string[] },
  ): Promise<Finished> => {
    const { mail, ...rest } = order;
    const port = postern!.ports[listener]!;
    return swaks({ directory: directory.path, port, from: SENDER, text: mail.text, ...rest });
  };
  const mailbox = (address: string): string => postfix!.maildir(address);
  const inMailbox = async (address: string, mail: TestMail): Promise<boolean> =>
    (await mailsIn(mailbox(address))).some((text) => text.includes(mail.id));

  describe.each([
    {
      how: 'submitted with AUTH PLAIN, queue',
      listener: 'submission',
      words: login('PLAIN'),
      keyword: 'ESMTPSA',
    },
    {
      how: 'submitted with AUTH LOGIN, queue',
      listener: 'submission',
      words: login('LOGIN'),
      keyword: 'ESMTPSA',
    },
    { how: 'by SMTP, through', listener: 'inbound', words: [], keyword: 'ESMTP' },
    {
      how: 'by SMTP with STARTTLS and PIPELINING, through',
      listener: 'inbound',
      words: ['--tls', '--pipeline'],
      keyword: 'ESMTPS',
    },
  ])('$how', ({ listener, words, keyword }) => {
    const send = (mail: TestMail, ...to: string[]): Promise<Finished> =>
      submit(listener, { mail, to, words });

    it('brings a clean mail to two recipients as it was sent', async () => {
      const mail = cleanMail();
      expect(await send(mail, BEN, CLEO)).toMatchObject({ code: 0 });
      for (const user of [BEN, CLEO]) {
        const trace = expectUnchanged(await arrived(mailbox(user), mail), mail);
        expect(trace).toMatch(new RegExp(`^\\tby gate\\.test with ${keyword} id `, 'm'));
        expect(trace).toMatch(/^\tby box\.test \(Postfix\) with ESMTPS id /m);
      }
    });

    it('takes a program out and leaves the rest', async () => {
      const mail = mailWithProgram();
      expect(await send(mail, BEN)).toMatchObject({ code: 0 });
      await expectProgramReplaced(await arrived(mailbox(BEN), mail), mail);
    });

    it('refuses a blocked recipient at RCPT', async () => {
      const mail = cleanMail();
      const { code, output } = await send(mail, BLOCKED);
      expect(code).toBe(NO_RECIPIENT);
      expect(output).toMatch(
        /^<[~*]\* +550 5\.7\.1 This mailbox takes no mail \(OPES mailto:postmaster@gate\.test\?service=access\)$/m,
      );
    });

    it('brings the mail to the one of two recipients that is not blocked', async () => {
      const mail = cleanMail();
      const { code, output } = await send(mail, BLOCKED, BEN);
      expect(code).toBe(0);
      expect(output).toMatch(
        /^<[~*]\* +550 5\.7\.1 This mailbox takes no mail \(OPES mailto:postmaster@gate\.test\?service=access\)$/m,
      );
      expectUnchanged(await arrived(mailbox(BEN), mail), mail);
      expect(await inMailbox(BLOCKED, mail)).toBe(false);
    });
  });

  it.each(['--protocol ESMTP', '--tls --pipeline'])(
    "passes on Postfix's own refusal, through (swaks %s)",
    async (options) => {
      const mail = mailWithProgram();
      const { code, output } = await submit('inbound', {
        mail,
        to: [NOBODY, BEN],
        words: options.split(' '),
      });
      expect(code).toBe(0);
      expect(output).toMatch(/^<[~*]\* +550 5\.1\.1 <nobody@box\.test>: Recipient address rejected/m);
      await expectProgramReplaced(await arrived(mailbox(BEN), mail), mail);
    },
  );

  it.each(['PLAIN', 'LOGIN'])("tells the sender of Postfix's refusal, queue (AUTH %s)", async (kind) => {
    const mail = mailWithProgram();
    const { code, output } = await submit('submission', { mail, to: [NOBODY, BEN], words: login(kind) });
    expect(code).toBe(0);
    expect(output).not.toContain(' 550 ');
    await expectProgramReplaced(await arrived(mailbox(BEN), mail), mail);
    const notice = await arrived(mailbox(SENDER), mail);
    const refusal = `smtp; 550 5.1.1 <${NOBODY}>: Recipient address rejected`;
    await expectNotice(notice, {
      by: 'gate.test',
      failed: { [NOBODY]: expect.stringContaining(refusal) as string },
    });
    const { header, parts } = await readMail(notice);
    expect(header).toMatchObject({ to: SENDER, 'auto-submitted': 'auto-replied' });
    expect(parts.at(-1)).toMatchObject({
      type: 'text/rfc822-headers',
      text: expect.stringContaining('Subject: your  invoice\r\n') as string,
    });
  });

  it.each(['PLAIN', 'LOGIN'])('refuses a wrong password with AUTH %s', async (kind) => {
    const words = login(kind, 'barley');
    const { code, output } = await submit('submission', { mail: cleanMail(), to: [BEN], words });
    expect(code).toBe(NOT_AUTHENTICATED);
    expect(output).toMatch(/^<~\* +535 5\.7\.8 /m);
  });

  it('offers no AUTH before TLS, and takes no mail without AUTH', async () => {
    const order = { mail: cleanMail(), to: [BEN] };
    const plain = await submit('submission', { ...order, words: login('PLAIN').slice(1) });
    expect(plain.code).toBe(NOT_AUTHENTICATED);
    expect(plain.output).not.toMatch(/^<- +250[- ]AUTH/m);
    const anonymous = await submit('submission', { ...order, words: ['--tls'] });
    expect(anonymous.output).toMatch(/^<~\* +530 5\.7\.0 /m);
  });
});
