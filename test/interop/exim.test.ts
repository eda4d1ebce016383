import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { startDovecot, type Dovecot } from './support/dovecot.ts';
import { setUpExim, type Exim } from './support/exim.ts';
import { expectNotice, expectProgramReplaced, expectUnchanged } from './support/expect.ts';
import { arrived, cleanMail, mailsIn, mailWithProgram, type TestMail } from './support/mails.ts';
import { lacks } from './support/servers.ts';

const SENDER = 'ann@sender.test';
const [BEN, BLOCKED, NOBODY] = ['ben@store.test', 'blocked@store.test', 'nobody@store.test'];
/** Refused after the data, when SMTP without PRDR has one reply for all. */
const LATE = 'late@store.test';
const missing = lacks('exim4', 'dovecot', 'python3');

// Exim speaks TLS by another library (GnuTLS) than Node, Postfix and Dovecot.
describe.skipIf(missing !== '').each(['smtp', 'lmtp'] as const)(
  `Exim to Postern by %s, to Dovecot, through${missing}`,
  (protocol) => {
    const directory = temporaryDirectory();
    let dovecot: Dovecot | undefined;
    let postern: Postern | undefined;
    let exim: Exim;

    beforeAll(async () => {
      chmodSync(directory.path, 0o755);
      dovecot = await startDovecot({
        directory: join(directory.path, 'dovecot'),
        users: [BEN, BLOCKED, LATE],
      });
      const reply = { text: 'This mailbox takes no mail' };
      postern = await startPostern(
        {
          listeners: {
            in: {
              protocol,
              port: 0,
              domains: ['store.test'],
              downstream: 'store',
              mode: 'through',
              group: 'all',
            },
          },
          downstreams: { store: { protocol: 'lmtp', socket: dovecot.socket } },
          services: {
            access: {
              plugin: 'access-control',
              settings: {
                rules: [
                  { recipient: BLOCKED, action: 'reject', reply },
                  { recipient: LATE, at: 'data', action: 'reject', reply },
                ],
              },
            },
            attachments: { plugin: 'attachment-guard', allowModify: true },
          },
          groups: { all: ['access', 'attachments'] },
        },
        { directory: join(directory.path, 'postern') },
      );
      const [domain, port] = ['sender.test', postern.ports['in']!];
      const to = { protocol, port };
      exim = await setUpExim({ directory: join(directory.path, 'exim'), hostname: 'exim.test', domain, to });
    });

    afterAll(async () => {
      await Promise.all([postern?.stop(), dovecot?.stop()]);
      directory.remove();
    });

    const send = (mail: TestMail, ...to: string[]): Promise<void> =>
      exim.send({ text: mail.text, from: SENDER, to });

    it('brings a clean mail as it was sent', async () => {
      const mail = cleanMail();
      await send(mail, BEN);
      const trace = expectUnchanged(await arrived(dovecot!.maildir(BEN), mail), mail);
      const keyword = protocol === 'smtp' ? 'ESMTPS' : 'LMTPS';
      expect(trace).toMatch(new RegExp(`^\\tby gate\\.test with ${keyword} id `, 'm'));
      // It says K of what it sent by BDAT.
      expect(exim.log()).toMatch(new RegExp(`^.* => ${BEN} R=out T=out .* K `, 'm'));
    });

    it('takes a program out and leaves the rest', async () => {
      const mail = mailWithProgram();
      await send(mail, BEN);
      await expectProgramReplaced(await arrived(dovecot!.maildir(BEN), mail), mail);
    });

    it('brings the mail to one of three recipients, and Exim tells the sender of the others', async () => {
      const mail = cleanMail();
      await send(mail, BLOCKED, BEN, NOBODY);
      expectUnchanged(await arrived(dovecot!.maildir(BEN), mail), mail);
      await expectNotice(await arrived(exim.maildir, mail), {
        by: 'exim.test',
        failed: {
          [BLOCKED]:
            'smtp; 550 5.7.1 This mailbox takes no mail (OPES mailto:postmaster@gate.test?service=access)',
          [NOBODY]: `smtp; 550 5.1.1 <${NOBODY}> User doesn't exist: ${NOBODY}`,
        },
      });
      expect((await mailsIn(dovecot!.maildir(BLOCKED))).length).toBe(0);
    });

    it('brings the mail to one recipient and not to the one refused after the data: by PRDR, or as LMTP does', async () => {
      const mail = cleanMail();
      await send(mail, BEN, LATE);
      expectUnchanged(await arrived(dovecot!.maildir(BEN), mail), mail);
      await expectNotice(await arrived(exim.maildir, mail), {
        by: 'exim.test',
        failed: {
          [LATE]:
            'smtp; 550 5.7.1 This mailbox takes no mail (OPES mailto:postmaster@gate.test?service=access)',
        },
      });
      expect((await mailsIn(dovecot!.maildir(LATE))).length).toBe(0);
    });
  },
);
