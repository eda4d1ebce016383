import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lacks } from '../interop/support/servers.ts';
import { temporaryDirectory, type Postern } from '../support/postern.ts';
import { ScriptedMta } from '../support/scripted-mta.ts';
import { startSlapd, type Slapd } from '../support/slapd.ts';
import { enter, sendBy, startThreeWays } from '../support/three-ways.ts';

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
    gate = await startThreeWays(
      {
        all: { downstream: 'paris', group: 'inbound' },
        submission: { mode: 'queue', group: 'outbound' },
        downstreams: {
          paris: { protocol: 'smtp', host: '127.0.0.1', port: paris.port, tls: 'none' },
          rome: { protocol: 'lmtp', host: '127.0.0.1', port: rome.port, tls: 'none' },
        },
        config: {
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

  const TEXT = 'From: Ann <ann@intern.example.com>\r\nTo: old@example.com, ben@example.com\r\n\r\nx\r\n';

  test.each(['inbound', 'store'])(
    '%s: to the server of each recipient, aliases in the header, too',
    async (listener) => {
      paris.mails.length = rome.mails.length = 0;
      const to = ['ann', 'ben', 'old', 'unknown'].map((name) => `${name}@example.com`);
      const replies = await sendBy(gate, listener, { to, text: TEXT });
      expect(replies).toHaveLength(listener === 'store' ? to.length : 1);
      for (const reply of replies) expect(reply).toMatch(/^250/);
      const at = (mta: ScriptedMta): string[] => mta.mails.flatMap((mail) => mail.to).toSorted();
      expect(at(paris)).toEqual(['<ann@example.com>', '<new@example.com>', '<unknown@example.com>']);
      expect(at(rome)).toEqual(['<ben@example.com>']);
      const rewritten = paris.mails.find((mail) => mail.to.includes('<new@example.com>'));
      expect(rewritten!.text).toContain('To: new@example.com, ben@example.com\r\n');
    },
  );

  test('submission: a sender goes out with another address, in the header, too', async () => {
    paris.mails.length = 0;
    const order = { from: 'Ann@intern.example.com', to: ['bob@example.net'], text: TEXT };
    expect(await sendBy(gate, 'submission', order)).toEqual([expect.stringMatching(/^250/)]);
    await expect.poll(() => paris.mails.length, { timeout: 20_000 }).toBe(1);
    const [mail] = paris.mails;
    expect(mail!.from).toMatch(/^<Ann@example.com>/);
    expect(mail!.text).toContain('From: Ann <Ann@example.com>\r\n');
  });

  test('a directory that is out of order defers', async () => {
    await slapd.stop();
    const dialog = await enter(gate, 'inbound');
    await dialog.say('MAIL FROM:<bob@example.net>');
    expect(await dialog.say('RCPT TO:<ann@example.com>')).toMatch(/^451/);
    await slapd.start();
    expect(await dialog.say('RCPT TO:<ann@example.com>')).toMatch(/^250/);
    await dialog.say('QUIT');
  });
});
