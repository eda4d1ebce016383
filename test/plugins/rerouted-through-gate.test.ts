import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashPassword } from '../../src/smtp/password-file.ts';
import { lacks } from '../interop/support/servers.ts';
import { startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { ScriptedMta } from '../support/scripted-mta.ts';
import { startSlapd, type Slapd } from '../support/slapd.ts';
import { Dialog } from '../support/smtp-dialog.ts';

/** `reroute` in the real program: two servers, by what an LDAP server and a CSV file say of the recipients. */
const missing = lacks('slapd', 'slapadd');

describe.skipIf(missing !== '')(`mail is rerouted${missing}`, () => {
  const { path: directory, remove } = temporaryDirectory();
  const paris = new ScriptedMta({ protocol: 'smtp' });
  const rome = new ScriptedMta({ protocol: 'lmtp' });
  let slapd: Slapd;
  let gate: Postern;

  beforeAll(async () => {
    const person = (uid: string, more: string): string =>
      `dn: uid=${uid},dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: ${uid}\ncn: ${uid}\nsn: ${uid}\n${more}\n`;
    slapd = await startSlapd(
      [
        person('ann', 'mail: ann@example.com\nl: imap1.example.com\n'),
        person('ben', 'mail: ben@example.com\nl: imap2.example.com\n'),
      ].join('\n'),
    );
    await paris.start();
    await rome.start();
    writeFileSync(join(directory, 'password'), slapd.admin.password);
    writeFileSync(join(directory, 'aliases.csv'), 'alias,address\nold@example.com,new@example.com\n');
    writeFileSync(join(directory, 'users'), `ann@example.com:${await hashPassword('secret')}\n`);
    const listener = { port: 0, downstream: 'paris', mode: 'through', group: 'inbound' };
    gate = await startPostern(
      {
        listeners: {
          inbound: { protocol: 'smtp', domains: ['example.com'], ...listener },
          store: { protocol: 'lmtp', ...listener, domains: ['example.com'] },
          submission: {
            protocol: 'submission',
            auth: { file: './users' },
            ...listener,
            group: 'outbound',
            mode: 'queue',
          },
        },
        downstreams: {
          paris: { protocol: 'smtp', host: '127.0.0.1', port: paris.port, tls: 'none' },
          rome: { protocol: 'lmtp', host: '127.0.0.1', port: rome.port, tls: 'none' },
        },
        directories: {
          staff: {
            type: 'ldap',
            url: `ldaps://localhost:${slapd.ldaps}`,
            ca: slapd.ca,
            bind: { dn: slapd.admin.dn, passwordFile: './password' },
            base: 'dc=example,dc=com',
            filter: '(mail={key})',
            attributes: ['l'],
            cache: '0s',
          },
          aliases: { type: 'csv', file: './aliases.csv', key: 'alias' },
        },
        services: {
          aliases: {
            plugin: 'reroute',
            allowModify: true,
            grants: { directory: { tables: ['aliases'] } },
            settings: { directory: { table: 'aliases', toFrom: 'address' }, headers: true },
          },
          places: {
            plugin: 'reroute',
            allowModify: true,
            grants: { directory: { tables: ['staff'] } },
            settings: {
              directory: {
                table: 'staff',
                serverFrom: 'l',
                servers: {
                  'imap1.example.com': { nextHop: 'paris' },
                  'imap2.example.com': { nextHop: 'rome' },
                },
              },
            },
          },
          outside: {
            plugin: 'reroute',
            allowModify: true,
            settings: { senders: { '@intern.example.com': '@example.com' }, headers: true },
          },
        },
        groups: { inbound: ['aliases', 'places'], outbound: ['outside'] },
      },
      { directory },
    );
  }, 60_000);
  afterAll(async () => {
    await gate?.stop();
    await paris.stop();
    await rome.stop();
    await slapd?.end();
    remove();
  });

  const TEXT = 'From: Ann <ann@intern.example.com>\r\nTo: old@example.com, ben@example.com\r\n\r\nx\r\n.\r\n';

  async function open(listener: string): Promise<Dialog> {
    const dialog = await Dialog.open(gate.ports[listener]!);
    expect(await dialog.say(`${listener === 'store' ? 'LHLO' : 'EHLO'} client.example.net`)).toMatch(/^250/);
    return dialog;
  }

  test.each(['inbound', 'store'])(
    '%s: to the server of each recipient, aliases in the header, too',
    async (listener) => {
      paris.mails.length = rome.mails.length = 0;
      const dialog = await open(listener);
      const recipients = ['ann', 'ben', 'old', 'unknown'];
      expect(await dialog.say('MAIL FROM:<bob@example.net>')).toMatch(/^250/);
      for (const name of recipients)
        expect(await dialog.say(`RCPT TO:<${name}@example.com>`)).toMatch(/^250/);
      expect(await dialog.say('DATA')).toMatch(/^354/);
      dialog.send(TEXT);
      const replies = listener === 'store' ? recipients.length : 1;
      for (let i = 0; i < replies; i++) expect(await dialog.hear()).toMatch(/^250/);
      await dialog.say('QUIT');
      const at = (mta: ScriptedMta): string[] => mta.mails.flatMap(({ to }) => to).toSorted();
      expect(at(paris)).toEqual(['<ann@example.com>', '<new@example.com>', '<unknown@example.com>']);
      expect(at(rome)).toEqual(['<ben@example.com>']);
      const rewritten = paris.mails.find(({ to }) => to.includes('<new@example.com>'));
      expect(rewritten!.text).toContain('To: new@example.com, ben@example.com\r\n');
    },
  );

  test('submission: a sender goes out with another address, in the header, too', async () => {
    paris.mails.length = 0;
    const dialog = await open('submission');
    expect(await dialog.say('STARTTLS')).toMatch(/^220/);
    await dialog.secure();
    await dialog.say('EHLO client.example.net');
    const login = Buffer.from('\0ann@example.com\0secret').toString('base64');
    expect(await dialog.say(`AUTH PLAIN ${login}`)).toMatch(/^235/);
    expect(await dialog.say('MAIL FROM:<Ann@intern.example.com>')).toMatch(/^250/);
    expect(await dialog.say('RCPT TO:<bob@example.net>')).toMatch(/^250/);
    expect(await dialog.say('DATA')).toMatch(/^354/);
    dialog.send(TEXT);
    expect(await dialog.hear()).toMatch(/^250/);
    await dialog.say('QUIT');
    await expect.poll(() => paris.mails.length, { timeout: 20_000 }).toBe(1);
    const [mail] = paris.mails;
    expect(mail!.from).toMatch(/^<Ann@example.com>/);
    expect(mail!.text).toContain('From: Ann <Ann@example.com>\r\n');
  });

  test('a directory that is out of order defers', async () => {
    await slapd.stop();
    const dialog = await open('inbound');
    await dialog.say('MAIL FROM:<bob@example.net>');
    expect(await dialog.say('RCPT TO:<ann@example.com>')).toMatch(/^451/);
    await slapd.start();
    expect(await dialog.say('RCPT TO:<ann@example.com>')).toMatch(/^250/);
    await dialog.say('QUIT');
  });
});
