import { chmodSync, readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directoryName, folderDirectory } from '../../src/delivery/maildir-name.ts';
import { listed, postern as command } from '../support/cli.ts';
import { ROOT, temporaryDirectory, waitFor, type Postern } from '../support/postern.ts';
import { sendBy, startThreeWays, WAYS } from '../support/three-ways.ts';
import { startDovecot, type Dovecot } from './support/dovecot.ts';
import { arrived, mailsIn, type TestMail } from './support/mails.ts';
import { lacks } from './support/servers.ts';

// `sievec` comes with Dovecot's Sieve.
const missing = lacks('dovecot', 'sievec');

/** The stores, by how each is told the folder; each has a domain of its own. */
const STORES = ['detail', 'header', 'maildir'] as const;
type Store = (typeof STORES)[number];

const SPAM = 'cheap pills';
const HELD = 'cheap pills, casino';
const ODD = 'Müll.R&D';
const USERS = ['ann', 'ben', 'odd'];
/** The script that docs/config.md shows. */
const SIEVE = /```sieve\n([^]*?)```/.exec(readFileSync(join(ROOT, 'docs/config.md'), 'utf8'))![1]!;

// The `spam` plugin advises the folder. A Dovecot files by the detail of the address, another one by Sieve, Postern itself in Maildirs.
describe.skipIf(missing !== '')(`a folder that services advise${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (name: string): string => join(directory.path, name);
  const dovecots = new Map<Store, Dovecot>();

  beforeAll(async () => {
    chmodSync(directory.path, 0o755);
    for (const store of ['detail', 'header'] as const) {
      const started = await startDovecot({
        directory: at(store),
        users: USERS.map((user) => `${user}@${store}.test`),
        filing: store === 'detail' ? 'detail' : { sieve: SIEVE.replaceAll(/^ +/gm, '') },
      });
      dovecots.set(store, started);
    }
  }, 60_000);

  afterAll(async () => {
    await Promise.all([...dovecots.values()].map((dovecot) => dovecot.stop()));
    directory.remove();
  });

  const maildir = (address: string): string =>
    dovecots.get(storeOf(address))?.maildir(address) ?? join(at('local'), directoryName(address));
  const junk = (address: string): string => join(maildir(address), '.Junk');
  const has = async (place: string, { id }: TestMail): Promise<boolean> =>
    (await mailsIn(place)).some((text) => text.includes(id));

  function startGate(name: string, mode: 'through' | 'queue'): Promise<Postern> {
    const domains = STORES.map((store) => `${store}.test`);
    const lmtp = (store: Store) => ({
      protocol: 'lmtp',
      host: '127.0.0.1',
      port: dovecots.get(store)!.port,
      tls: 'none',
      folder: store,
    });
    const rules = [
      { name: 'PILLS', score: 5, text: 'cheap pills' },
      { name: 'CASINO', score: 5, text: 'casino' },
    ];
    const spam = (folder: string) => ({
      plugin: 'spam',
      settings: { rules, folder, actions: { folder: 5, quarantine: 10 } },
    });
    const to = (user: string) => domains.map((domain) => `${user}@${domain}`);
    const table = Object.fromEntries(STORES.map((store) => [`@${store}.test`, { nextHop: store }]));
    return startThreeWays(
      {
        all: { group: 'all', mode, downstream: 'maildir' },
        domains,
        downstreams: {
          detail: lmtp('detail'),
          header: lmtp('header'),
          maildir: { protocol: 'maildir', path: at('local') },
        },
        config: {
          bounce: { downstream: 'maildir' },
          services: {
            stores: { plugin: 'reroute', allowModify: true, settings: { table } },
            spam: spam('Junk'),
            odd: spam(ODD),
          },
          groups: {
            all: [
              'stores',
              { service: 'spam', when: { recipient: to('ann') } },
              { service: 'odd', when: { recipient: to('odd') } },
            ],
          },
        },
      },
      { directory: at(name) },
    );
  }

  describe.each(['through', 'queue'] as const)('in mode %s', (mode) => {
    let gate: Postern | undefined;

    beforeAll(async () => {
      gate = await startGate(mode, mode);
    }, 60_000);

    afterAll(async () => {
      await gate?.stop();
    });

    const send = async (mail: TestMail, listener: string, ...to: string[]): Promise<void> => {
      const replies = await sendBy(gate!, listener, { to, text: mail.text });
      for (const reply of replies) expect(reply).toMatch(/^250 /);
    };

    describe.each(STORES)('told by %s', (store) => {
      const ann = `ann@${store}.test`;

      it.each(WAYS)('is where the message goes, and no other message, by %s', async (listener) => {
        const [spam, other] = [mailWith(SPAM), mailWith('At noon?')];
        await send(spam, listener, ann);
        await send(other, listener, ann);
        const filed = await arrived(junk(ann), spam);
        expect(filed.match(/^X-Postern-Folder: .*/gim)).toEqual(
          store === 'header' ? ['X-Postern-Folder: Junk'] : null,
        );
        await arrived(maildir(ann), other);
        expect([await has(maildir(ann), spam), await has(junk(ann), other)]).toEqual([false, false]);
      });

      it('is for the recipient that it was advised for', async () => {
        const mail = mailWith(SPAM);
        const ben = `ben@${store}.test`;
        await send(mail, 'store', ben, ann);
        await arrived(junk(ann), mail);
        await arrived(maildir(ben), mail);
        expect([await has(maildir(ann), mail), await has(junk(ben), mail)]).toEqual([false, false]);
      });

      it('goes with what is released from the quarantine', async () => {
        const mail = mailWith(HELD);
        await send(mail, 'inbound', ann);
        const held = await listed(gate!.directory, 'quarantine');
        expect(held).toMatchObject([{ recipients: [{ address: ann, folder: 'Junk' }] }]);
        expect(await command(gate!.directory, 'quarantine', 'show', held[0]!.id)).toMatch(/^folder +Junk$/m);
        await command(gate!.directory, 'quarantine', 'release', held[0]!.id);
        await arrived(junk(ann), mail);
        expect(await has(maildir(ann), mail)).toBe(false);
      });
    });

    it.each(['header', 'maildir'] as const)('is any folder that has a name, told by %s', async (store) => {
      const mail = mailWith(SPAM);
      const odd = `odd@${store}.test`;
      await send(mail, 'inbound', odd);
      await arrived(join(maildir(odd), '.M&APw-ll.R&-D'), mail);
      expect(folderDirectory(ODD)).toBe('.M&APw-ll.R&-D');
    });

    it('is the inbox where the detail of an address can not be its name', async () => {
      const mail = mailWith(SPAM);
      await send(mail, 'inbound', 'odd@detail.test');
      expect(await arrived(maildir('odd@detail.test'), mail)).toContain(SPAM);
    });

    it.each(WAYS)('is not what a sender says in a field of that name, by %s', async (listener) => {
      const plain = mailWith('At noon?');
      const mail = { ...plain, text: `X-Postern-Folder: Forged\r\n${plain.text}` };
      await send(mail, listener, 'ann@header.test');
      expect(await arrived(maildir('ann@header.test'), mail)).not.toContain('X-Postern-Folder');
      expect(await readdir(maildir('ann@header.test'))).not.toContain('.Forged');
    });
  });

  it('is still known after a kill', async () => {
    await Promise.all([...dovecots.values()].map((dovecot) => dovecot.stop()));
    const mail = mailWith(SPAM);
    const recipients = ['ann@detail.test', 'ann@header.test', 'ann@maildir.test'];
    const before = await startGate('killed', 'queue');
    try {
      expect(await sendBy(before, 'inbound', { to: recipients, text: mail.text })).toEqual([
        expect.stringMatching(/^250 /),
      ]);
    } finally {
      await before.kill('SIGKILL');
    }
    await Promise.all([...dovecots.values()].map((dovecot) => dovecot.start()));
    const after = await startGate('killed', 'queue');
    try {
      for (const recipient of recipients) {
        // A kill may double what was under way: into the Maildir.
        await waitFor(async () => (await has(junk(recipient), mail)) || undefined);
        expect(await has(maildir(recipient), mail)).toBe(false);
      }
    } finally {
      await after.stop();
    }
  }, 60_000);
});

const storeOf = (address: string): Store => STORES.find((store) => address.endsWith(`@${store}.test`))!;

function mailWith(body: string): TestMail {
  const id = crypto.randomUUID();
  const header = ['From: bob@example.net', 'Subject: hello', `Message-ID: <${id}@example.net>`];
  return { id, text: [...header, '', body, ''].join('\r\n') };
}
