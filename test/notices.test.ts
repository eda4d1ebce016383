import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listed } from './support/cli.ts';
import { startPostern, temporaryDirectory, waitFor, type Postern } from './support/postern.ts';
import { ScriptedMta } from './support/scripted-mta.ts';
import { Dialog } from './support/smtp-dialog.ts';

/**
 * A gate whose only way on is a mailbox store: the config of the README. A notice to an outside sender has nowhere to
 * go there, so none may be promised, and nothing may vanish.
 */
describe('with a mailbox store alone', () => {
  const { path: directory, remove } = temporaryDirectory();
  const store = new ScriptedMta({ protocol: 'lmtp' });
  let gate: Postern;

  beforeAll(async () => {
    await store.start();
    // As Dovecot does: it knows its own users and nobody else.
    store.script = {
      rcpt: (to) =>
        to.endsWith('@example.org>') && !to.includes('gone') ? '250 2.1.5 ok' : '550 5.1.1 unknown',
    };
    const inbound = {
      protocol: 'smtp',
      address: '127.0.0.1',
      port: 0,
      domains: ['example.org'],
      downstream: 'mailstore',
      group: 'inbound',
    };
    gate = await startPostern(
      {
        listeners: { through: { ...inbound, mode: 'through' }, queued: { ...inbound, mode: 'queue' } },
        downstreams: { mailstore: { protocol: 'lmtp', host: '127.0.0.1', port: store.port, tls: 'none' } },
        services: {
          access: {
            plugin: 'access-control',
            settings: { rules: [{ recipient: ['late@example.org'], at: 'data', action: 'reject' }] },
          },
        },
        groups: { inbound: ['access'] },
      },
      { directory },
    );
  });

  afterAll(async () => {
    await gate?.stop();
    await store.stop();
    remove();
  });

  async function send(
    listener: string,
    mail: { from: string; to: string[]; subject: string },
  ): Promise<string> {
    const dialog = await Dialog.open(gate.ports[listener]!);
    await dialog.say('EHLO client.example.net');
    expect(await dialog.say(`MAIL FROM:<${mail.from}>`)).toMatch(/^250 /);
    for (const to of mail.to) expect(await dialog.say(`RCPT TO:<${to}>`)).toMatch(/^250 /);
    expect(await dialog.say('DATA')).toMatch(/^354 /);
    const said = await dialog.say(`Subject: ${mail.subject}\r\n\r\nhello\r\n.`);
    await dialog.say('QUIT');
    return said;
  }
  const got = (subject: string) => store.mails.filter(({ text }) => text.includes(`Subject: ${subject}\r\n`));

  it.each(['through', 'queued'])('refuses for all what it could not bounce for one: %s', async (listener) => {
    const subject = `mixed ${listener}`;
    const to = ['ann@example.org', 'late@example.org'];
    expect(await send(listener, { from: 'bob@example.net', to, subject })).toMatch(/^550 5\.7\.1 /);
    expect(got(subject)).toEqual([]);
    expect(await listed(directory, 'queue')).toEqual([]);
    expect(await listed(directory, 'quarantine')).toEqual([]);
  });

  it('bounces for one where the sender is one of our own', async () => {
    const to = ['ann@example.org', 'late@example.org'];
    const mail = { from: 'carl@example.org', to, subject: 'from us' };
    expect(await send('through', mail)).toMatch(/^250 /);
    const notice = await waitFor(() => store.mails.find(({ from }) => from.startsWith('<>')));
    expect(notice.to).toEqual(['<carl@example.org>']);
    expect(notice.text).toContain('late@example.org');
    expect(got('from us').map((one) => one.to)).toEqual([['<ann@example.org>'], ['<carl@example.org>']]);
  });

  it.each(['bob@example.net', ''])(
    'keeps queued mail of <%s> that the store refuses where the operator finds it',
    async (from) => {
      const subject = `refused ${from}`;
      expect(await send('queued', { from, to: ['gone@example.org'], subject })).toMatch(/^250 /);
      const entry = await waitFor(async () =>
        (await listed(directory, 'quarantine')).find(({ sender }) => sender.address === from),
      );
      expect(entry).toMatchObject({
        downstream: 'mailstore',
        recipients: [{ address: 'gone@example.org' }],
        service: 'delivery',
        reason: 'cannot be delivered or bounced: 550 5.1.1 unknown',
      });
      expect(await listed(directory, 'queue')).toEqual([]);
      expect(got(subject)).toEqual([]);
    },
  );
});
