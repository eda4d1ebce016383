import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listed, postern as command } from '../support/cli.ts';
import { freePort } from '../support/free-port.ts';
import { startPostern, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { startDovecot, type Dovecot } from './support/dovecot.ts';
import { expectUnchanged } from './support/expect.ts';
import { arrived, cleanMail, mailsIn, mailWithProgram, type TestMail } from './support/mails.ts';
import { startPostfix, type Postfix } from './support/postfix.ts';
import { lacks } from './support/servers.ts';
import { swaks } from './support/swaks.ts';

const BEN = 'ben@store.test';
const missing = lacks('postfix', 'dovecot', 'swaks');

describe.skipIf(missing !== '')(`mail that can't be in Dovecot yet${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  let dovecot: Dovecot | undefined;
  let postern: Postern | undefined;
  let postfix: Postfix | undefined;

  beforeAll(async () => {
    chmodSync(directory.path, 0o755);
    const relay = await freePort();
    dovecot = await startDovecot({ directory: at('dovecot'), users: [BEN] });
    postfix = await startPostfix({
      directory: at('postfix'),
      hostname: 'edge.test',
      mailboxes: ['ann@sender.test'],
      relay: { 'store.test': `smtp:[127.0.0.1]:${relay}` },
    });
    const common = { protocol: 'smtp', domains: ['store.test'], downstream: 'store', group: 'hold' };
    postern = await startPostern(
      {
        listeners: {
          relay: { ...common, port: relay, mode: 'through' },
          queued: { ...common, port: 0, mode: 'queue' },
        },
        downstreams: { store: { protocol: 'lmtp', host: '127.0.0.1', port: dovecot.port } },
        services: { hold: { plugin: 'attachment-guard', settings: { action: 'quarantine' } } },
        groups: { hold: ['hold'] },
        // Nothing is tried again by itself while a test runs.
        queue: { retry: { first: '1h', max: '1h' } },
      },
      { directory: at('postern') },
    );
  });

  afterAll(async () => {
    await Promise.all([postfix?.stop(), postern?.stop(), dovecot?.stop()]);
    directory.remove();
  });

  const send = async (port: number, mail: TestMail): Promise<void> => {
    const from = 'ann@sender.test';
    const sent = await swaks({ directory: directory.path, port, from, to: [BEN], text: mail.text });
    expect(sent).toMatchObject({ code: 0 });
  };
  const mailbox = (): string => dovecot!.maildir(BEN);

  it('is kept by Postfix in through mode, and comes when Dovecot is back', async () => {
    const mail = cleanMail();
    await dovecot!.stop();
    await send(postfix!.port, mail);
    // One line of JSON for each message.
    const reason = await waitFor(async () => {
      const queue = await postfix!.queue();
      return /"delay_reason": "([^"]*)"/.exec(queue)?.[1];
    });
    expect(reason).toMatch(/^host 127\.0\.0\.1\[127\.0\.0\.1\] said: 4\d\d 4\./);
    await dovecot!.start();
    await postfix!.flush();
    expectUnchanged(await arrived(mailbox(), mail), mail);
    await waitFor(async () => ((await postfix!.queue()) === '' ? true : undefined));
  });

  it('is kept by Postern in queue mode, and comes when it is told to retry', async () => {
    const mail = cleanMail();
    await dovecot!.stop();
    await send(postern!.ports['queued']!, mail);
    await postern!.waitForLog(({ msg }) => msg === 'deferred');
    await dovecot!.start();
    const [entry, ...others] = await listed(postern!.directory, 'queue');
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ sender: { address: 'ann@sender.test' }, recipients: [{ address: BEN }] });
    expect(await command(postern!.directory, 'queue', 'retry', entry!.id)).toContain('1 ');
    expectUnchanged(await arrived(mailbox(), mail), mail);
    await waitFor(async () => ((await listed(postern!.directory, 'queue')).length === 0 ? true : undefined));
  });

  it('is held in the quarantine, and comes as it was sent when it is released', async () => {
    const mail = mailWithProgram();
    await send(postern!.ports['queued']!, mail);
    const [entry, ...others] = await listed(postern!.directory, 'quarantine');
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ service: 'hold', downstream: 'store', recipients: [{ address: BEN }] });
    expect((await mailsIn(mailbox())).filter((text) => text.includes(mail.id))).toEqual([]);
    await command(postern!.directory, 'quarantine', 'release', entry!.id);
    expectUnchanged(await arrived(mailbox(), mail), mail);
    expect(await listed(postern!.directory, 'quarantine')).toEqual([]);
  });
});
