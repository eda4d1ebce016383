import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { startDovecot, type Dovecot } from './support/dovecot.ts';
import { expectNotice, expectProgramReplaced, expectUnchanged } from './support/expect.ts';
import { arrived, cleanMail, mailsIn, mailWithProgram, type TestMail } from './support/mails.ts';
import { startPostfix, type Postfix } from './support/postfix.ts';
import { lacks } from './support/servers.ts';
import { swaks } from './support/swaks.ts';

const SENDER = 'ann@sender.test';
// Postfix sends recipients in this order, and Dovecot looks at the quota only of the first of several.
const USERS = ['a-full', 'ben', 'blocked', 'cleo'];
const missing = lacks('postfix', 'dovecot', 'swaks', 'python3');

// Postfix takes mail from swaks and relays it to Postern, which hands it to Dovecot while Postfix waits. What is refused on
// the way Postfix sends back to the sender's mailbox, which it keeps itself.
describe.skipIf(missing !== '')(`Postfix to Postern to Dovecot, through${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  let dovecot: Dovecot | undefined;
  let postern: Postern | undefined;
  let postfix: Postfix | undefined;

  beforeAll(async () => {
    chmodSync(directory.path, 0o755);
    const [relay, local] = [await freePort(), await freePort()];
    dovecot = await startDovecot({
      directory: at('dovecot'),
      users: ['smtp.test', 'lmtp.test'].flatMap((domain) =>
        USERS.slice(1).map((user) => `${user}@${domain}`),
      ),
      full: ['a-full@smtp.test', 'a-full@lmtp.test'],
    });
    postfix = await startPostfix({
      directory: at('postfix'),
      hostname: 'edge.test',
      mailboxes: [SENDER],
      relay: { 'smtp.test': `smtp:[127.0.0.1]:${relay}`, 'lmtp.test': `lmtp:inet:127.0.0.1:${local}` },
    });
    const common = { mode: 'through', group: 'inbound' };
    postern = await startPostern(
      {
        listeners: {
          relay: { protocol: 'smtp', port: relay, domains: ['smtp.test'], downstream: 'tcp', ...common },
          local: { protocol: 'lmtp', port: local, downstream: 'unix', ...common },
        },
        downstreams: {
          tcp: { protocol: 'lmtp', host: '127.0.0.1', port: dovecot.port },
          unix: { protocol: 'lmtp', socket: dovecot.socket },
          back: { protocol: 'smtp', host: '127.0.0.1', port: postfix.port },
        },
        bounce: { downstream: 'back' },
        services: {
          access: {
            plugin: 'access-control',
            settings: {
              rules: [
                {
                  recipient: ['blocked@smtp.test', 'blocked@lmtp.test'],
                  action: 'reject',
                  reply: { text: 'This mailbox takes no mail' },
                },
              ],
            },
          },
          attachments: { plugin: 'attachment-guard', allowModify: true },
        },
        groups: { inbound: ['access', 'attachments'] },
      },
      { directory: at('postern') },
    );
  });

  afterAll(async () => {
    await Promise.all([postfix?.stop(), postern?.stop(), dovecot?.stop()]);
    directory.remove();
  });

  /** Through Postfix, which always takes it. */
  const send = async (mail: TestMail, ...to: string[]): Promise<void> => {
    const sent = await swaks({
      directory: directory.path,
      port: postfix!.port,
      from: SENDER,
      to,
      text: mail.text,
    });
    expect(sent).toMatchObject({ code: 0 });
  };
  const mailbox = (address: string): string => dovecot!.maildir(address);
  const notice = (mail: TestMail): Promise<string> => arrived(postfix!.maildir(SENDER), mail);
  const inMailbox = async (address: string, mail: TestMail): Promise<boolean> =>
    (await mailsIn(mailbox(address))).some((text) => text.includes(mail.id));

  describe.each([
    { by: 'SMTP', domain: 'smtp.test', keyword: 'ESMTPS' },
    { by: 'LMTP', domain: 'lmtp.test', keyword: 'LMTPS' },
  ])('by $by', ({ by, domain, keyword }) => {
    const [full, ben, blocked, cleo] = USERS.map((user) => `${user}@${domain}`) as [
      string,
      string,
      string,
      string,
    ];

    it('brings a clean mail as it was sent', async () => {
      const mail = cleanMail();
      await send(mail, ben);
      const trace = expectUnchanged(await arrived(mailbox(ben), mail), mail);
      expect(trace).toContain(`Return-Path: <${SENDER}>`);
      expect(trace).toMatch(new RegExp(`^\\tby gate\\.test with ${keyword} id `, 'm'));
      expect(trace.match(/^Received:/gm)).toHaveLength(3);
    });

    it('brings one message to two recipients', async () => {
      const mail = cleanMail();
      await send(mail, ben, cleo);
      for (const user of [ben, cleo]) expectUnchanged(await arrived(mailbox(user), mail), mail);
    });

    it('takes a program out and leaves the rest', async () => {
      const mail = mailWithProgram();
      await send(mail, ben);
      await expectProgramReplaced(await arrived(mailbox(ben), mail), mail);
    });

    it('refuses a blocked recipient, and Postfix tells the sender', async () => {
      const mail = cleanMail();
      await send(mail, blocked);
      await expectNotice(await notice(mail), {
        by: 'edge.test',
        failed: {
          [blocked]:
            'smtp; 550 5.7.1 This mailbox takes no mail (OPES mailto:postmaster@gate.test?service=access)',
        },
      });
      expect(await inMailbox(blocked, mail)).toBe(false);
    });

    it('brings the mail to the one of two recipients that is not blocked', async () => {
      const mail = cleanMail();
      await send(mail, blocked, ben);
      expectUnchanged(await arrived(mailbox(ben), mail), mail);
      await expectNotice(await notice(mail), {
        by: 'edge.test',
        failed: {
          [blocked]:
            'smtp; 550 5.7.1 This mailbox takes no mail (OPES mailto:postmaster@gate.test?service=access)',
        },
      });
      expect(await inMailbox(blocked, mail)).toBe(false);
    });

    it("passes on Dovecot's own refusal of one of two recipients", async () => {
      const mail = mailWithProgram();
      const nobody = `nobody@${domain}`;
      await send(mail, ben, nobody);
      await expectProgramReplaced(await arrived(mailbox(ben), mail), mail);
      await expectNotice(await notice(mail), {
        by: 'edge.test',
        failed: { [nobody]: `smtp; 550 5.1.1 <${nobody}> User doesn't exist: ${nobody}` },
      });
    });

    // LMTP tells Postfix of each recipient. By SMTP there is one reply for both, so Postern itself has to tell the sender.
    it('tells the sender when Dovecot refuses the message for one of two recipients', async () => {
      const mail = cleanMail();
      await send(mail, full, ben);
      expectUnchanged(await arrived(mailbox(ben), mail), mail);
      await expectNotice(await notice(mail), {
        by: by === 'SMTP' ? 'gate.test' : 'edge.test',
        failed: { [full]: expect.stringMatching(/^smtp; 552 5\.2\.2 .*Quota exceeded/) as string },
      });
      expect(await inMailbox(full, mail)).toBe(false);
    });
  });
});
