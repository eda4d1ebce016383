import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listed } from '../support/cli.ts';
import { startPostern, temporaryDirectory, type Postern } from '../support/postern.ts';
import { Authority, Keyring, openssl } from '../support/secure-mail.ts';
import { startThreeWays, WAYS } from '../support/three-ways.ts';
import { arrived, type TestMail } from './support/mails.ts';
import { lacks, type Finished } from './support/servers.ts';
import { swaksBy } from './support/swaks.ts';

const missing = lacks('openssl', 'gpg', 'gpgconf', 'swaks');

// Ann of a.test writes to Bob of b.test. Two Posterns: hers signs and encrypts, his decrypts and verifies. A copy of what goes between them is kept.
describe.skipIf(missing !== '')(`S/MIME and OpenPGP from one Postern to another${missing}`, () => {
  const directory = temporaryDirectory();
  const at = (...names: string[]): string => join(directory.path, ...names);
  let authority: Authority;
  let ring: Keyring;
  const gates: Postern[] = [];
  let inbound: Postern;
  let outbound: Postern;

  beforeAll(async () => {
    authority = new Authority(at('ca'));
    ring = new Keyring(at('gnupg'));
    for (const folder of ['certificates', 'keys', 'in', 'out']) mkdirSync(at(folder));
    for (const name of ['ann@a.test', 'bob@b.test']) {
      authority.issue(name, { email: name });
      copyFileSync(authority.at(`${name}.pem`), at('certificates', `${name}.pem`));
    }
    copyFileSync(authority.at('bob@b.test.pem'), at('certificates', 'bob@raw.test.pem'));
    for (const name of ['ann@a.test', 'carl@b.test']) {
      ring.make(name);
      writeFileSync(at(`${name}.asc`), ring.secretKey(name), { mode: 0o600 });
      writeFileSync(at('keys', `${name}.asc`), ring.publicKey(name));
    }
    const smimeKey = (name: string) => ({
      type: 'smime',
      file: authority.at(`${name}.key`),
      certificate: authority.at(`${name}.pem`),
      addresses: [name],
    });
    const openpgpKey = (name: string) => ({ type: 'openpgp', file: at(`${name}.asc`), addresses: [name] });
    const partners = {
      certificates: {
        type: 'smime-partners',
        authorities: authority.certificate,
        directory: at('certificates'),
      },
      ring: { type: 'openpgp-partners', directory: at('keys') },
    };
    const grants = (...keys: string[]) => ({ key: { keys } });
    const smime = {
      plugin: 'smime-gateway',
      allowModify: true,
      grants: grants('smime', 'certificates'),
    };
    const openpgp = { plugin: 'pgp-gateway', allowModify: true, grants: grants('openpgp', 'ring') };
    inbound = await startPostern(
      {
        listeners: {
          inbound: {
            protocol: 'smtp',
            port: 0,
            domains: ['b.test', 'raw.test'],
            downstream: 'boxes',
            mode: 'through',
            group: 'all',
            maxMessageSize: '64MiB',
          },
        },
        downstreams: { boxes: { protocol: 'maildir', path: at('mail') } },
        keys: { smime: smimeKey('bob@b.test'), openpgp: openpgpKey('carl@b.test'), ...partners },
        services: {
          smime: { ...smime, settings: { direction: 'inbound' } },
          openpgp: { ...openpgp, settings: { direction: 'inbound' } },
          strict: { ...smime, settings: { direction: 'inbound', action: 'reject' } },
        },
        groups: {
          all: [
            { service: 'smime', when: { recipient: ['bob@b.test', 'carl@b.test', 'eve@b.test'] } },
            { service: 'openpgp', when: { recipient: ['bob@b.test', 'carl@b.test', 'eve@b.test'] } },
            { service: 'strict', when: { recipient: 'strict@b.test' } },
          ],
        },
      },
      { directory: at('in') },
    );
    gates.push(inbound);
    outbound = await startThreeWays(
      {
        all: { downstream: 'next', group: 'all', maxMessageSize: '64MiB' },
        domains: ['b.test', 'raw.test'],
        downstreams: {
          next: { protocol: 'smtp', host: '127.0.0.1', port: inbound.ports['inbound'], tls: 'none' },
        },
        config: {
          keys: { smime: smimeKey('ann@a.test'), openpgp: openpgpKey('ann@a.test'), ...partners },
          services: {
            smime: {
              ...smime,
              settings: { direction: 'outbound', recipients: { 'b.test': 'must' }, without: 'reject' },
            },
            openpgp: { ...openpgp, settings: { direction: 'outbound' } },
          },
          groups: {
            all: [
              { service: 'openpgp', when: { recipient: 'carl@b.test' } },
              {
                service: 'smime',
                when: { recipient: ['bob@b.test', 'none@b.test', 'bob@raw.test', 'none@raw.test'] },
              },
            ],
          },
        },
      },
      { directory: at('out') },
    );
    gates.push(outbound);
  }, 180_000);

  afterAll(async () => {
    for (const gate of gates) await gate.stop();
    ring.end();
    directory.remove();
  });

  const BODY = ['Gr=FC=DFe,', '.a dot', 'From the start', 'x'.repeat(70), 'end', ''].join('\r\n');

  function mail(fields: readonly string[] = []): TestMail {
    const id = crypto.randomUUID();
    const header = [
      'From: Ann <ann@a.test>',
      'Subject: A secret',
      `Message-ID: <${id}@a.test>`,
      ...fields,
      'MIME-Version: 1.0',
      'Content-Type: text/plain; charset=iso-8859-1',
      'Content-Transfer-Encoding: quoted-printable',
    ];
    return { id, text: `${header.join('\r\n')}\r\n\r\n${BODY}` };
  }

  interface Way {
    readonly gate: Postern;
    readonly listener: string;
    readonly to: readonly string[];
    readonly from?: string;
  }

  const send = ({ text }: TestMail, way: Way): Promise<Finished> =>
    swaksBy(way.gate, way.listener, { from: way.from ?? 'ann@a.test', to: way.to, text });
  /** The header, unfolded. */
  const headerOf = (text: string): string =>
    text.slice(0, text.indexOf('\r\n\r\n') + 2).replaceAll(/\r\n(?=[ \t])/g, '');
  const box = (address: string): string => at('mail', address);
  /** The text of what is in a message, without its transfer encoding. */
  const inside = (text: string): string => {
    const found = /Content-Type: text\/plain[^]*?\r\n\r\n([^]*?)\r\n--/.exec(text);
    const isBase64 = /Content-Transfer-Encoding: base64\r\n\r\n/.test(found?.[0] ?? '');
    const body = found?.[1] ?? '';
    return isBase64 ? Buffer.from(body, 'base64').toString('latin1') : body;
  };
  const PLAIN = BODY.replace('=FC', '\u00fc').replace('=DF', '\u00df');

  it.each(WAYS)('opens what the other sealed, by %s: S/MIME and OpenPGP', async (listener) => {
    for (const [to, field] of [
      ['bob@b.test', 'X-Postern-SMIME'],
      ['carl@b.test', 'X-Postern-PGP'],
    ] as const) {
      const sent = mail();
      const { code, output } = await send(sent, { gate: outbound, listener, to: [to] });
      expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
      const text = await arrived(box(to), sent);
      expect(headerOf(text)).toContain(`\r\n${field}: encrypted=opened; signed=good\r\n`);
      expect(text).toContain('\r\nSubject: A secret\r\n');
      expect(text.match(/^MIME-Version:/gm)).toHaveLength(1);
      expect(inside(text).trimEnd()).toBe(PLAIN.trimEnd());
    }
  });

  it.each(WAYS)('sends by %s what OpenSSL opens and verifies', async (listener) => {
    const sent = mail();
    const to = ['bob@raw.test'];
    expect((await send(sent, { gate: outbound, listener, to })).code).toBe(0);
    const text = await arrived(box('bob@raw.test'), sent);
    expect(text).not.toContain('From the start');
    const who = ['-recip', authority.at('bob@b.test.pem'), '-inkey', authority.at('bob@b.test.key')];
    const inner = openssl(['cms', '-decrypt', ...who], Buffer.from(text, 'latin1'));
    const verified = openssl(['cms', '-verify', '-CAfile', authority.certificate], inner).toString('latin1');
    expect(verified).toMatch(/^Content-Type: text\/plain; charset=iso-8859-1\r\n/);
  });

  it.each([
    ['bob@b.test', 'X-Postern-SMIME'],
    ['carl@b.test', 'X-Postern-PGP'],
  ])(
    'carries 25 MB to %s',
    async (to, field) => {
      const sent = mail();
      const lines = `${'x'.repeat(70)}\r\n`.repeat(350_000);
      const large = { ...sent, text: sent.text + lines };
      const { code, output } = await send(large, { gate: outbound, listener: 'inbound', to: [to] });
      expect({ code, output: code === 0 ? '' : output }).toEqual({ code: 0, output: '' });
      const text = await arrived(box(to), sent);
      expect(headerOf(text)).toContain(`\r\n${field}: encrypted=opened; signed=good\r\n`);
      expect(inside(text).trimEnd() === `${PLAIN}${lines}`.trimEnd()).toBe(true);
    },
    180_000,
  );

  describe('of more than 50 MiB', () => {
    const LARGE = `${'x'.repeat(70)}\r\n`.repeat(730_000);
    const large = (fields: readonly string[] = []): TestMail => {
      const sent = mail(fields);
      return { ...sent, text: sent.text + LARGE };
    };
    const signedBy = (type: string): TestMail => {
      const { id, text } = large();
      return { id, text: text.replace(/text\/plain.*/, `multipart/signed; protocol="${type}"; boundary=b`) };
    };

    it.each(WAYS)('refuses for good, by %s, what it would have to encrypt or sign', async (listener) => {
      const to = ['bob@b.test'];
      const { output } = await send(large(), { gate: outbound, listener, to });
      expect(output).toContain('552 5.3.4 It is to be signed or encrypted, and it has more than 50 MiB');
    });

    it('marks or refuses what it can not verify, and lets all else pass', async () => {
      const gate = inbound;
      const listener = 'inbound';
      const signed = signedBy('application/pkcs7-signature');
      expect((await send(signed, { gate, listener, to: ['bob@b.test'] })).code).toBe(0);
      const marked = headerOf(await arrived(box('bob@b.test'), signed));
      expect(marked).toContain('\r\nX-Postern-SMIME: unchecked (it has more than 50 MiB)\r\n');
      expect(marked).toContain('\r\nSubject: [not verified] A secret\r\n');
      expect(marked).not.toContain('X-Postern-PGP');

      const { output } = await send(signed, { gate, listener, to: ['strict@b.test'] });
      expect(output).toMatch(/554 5\.7\.1 S\/MIME check failed: .*it has more than 50 MiB/);

      const plain = large();
      expect((await send(plain, { gate, listener, to: ['strict@b.test'] })).code).toBe(0);
      expect(headerOf(await arrived(box('strict@b.test'), plain))).not.toContain('X-Postern');
    });
  });

  it('signs where there is nobody to encrypt to, and OpenSSL verifies what arrived', async () => {
    const sent = mail();
    expect((await send(sent, { gate: outbound, listener: 'inbound', to: ['none@raw.test'] })).code).toBe(0);
    const text = await arrived(box('none@raw.test'), sent);
    expect(text).toContain('multipart/signed');
    openssl(['cms', '-verify', '-CAfile', authority.certificate], Buffer.from(text, 'latin1'));
  });

  it('refuses recipients that it can not encrypt to and must, and no others, by LMTP', async () => {
    const sent = mail();
    const to = ['bob@b.test', 'none@b.test'];
    const { output } = await send(sent, { gate: outbound, listener: 'store', to });
    expect(output.match(/^<\S+ +554 5\.7\.1 .*must be encrypted/gm)).toHaveLength(1);
    expect(headerOf(await arrived(box('bob@b.test'), sent))).toContain('encrypted=opened; signed=good');
  });

  it('goes by the envelope: From in another name is not signed, nor believed', async () => {
    const sent = mail();
    const eve = { gate: outbound, listener: 'inbound', from: 'eve@a.test' };
    expect((await send(sent, { ...eve, to: ['none@raw.test'] })).code).toBe(0);
    expect(await arrived(box('none@raw.test'), sent)).toContain(BODY);
    const forged = { ...sent, ...mail() };
    forged.text = forged.text.replace('ann@a.test>', 'bob@b.test>');
    expect((await send(forged, { gate: outbound, listener: 'inbound', to: ['bob@b.test'] })).code).toBe(0);
    const text = await arrived(box('bob@b.test'), forged);
    expect(headerOf(text)).toContain('signed=untrusted (the certificate is not of the address in From)');
    expect(text).toContain('\r\nSubject: [not verified] A secret\r\n');
  });

  it('marks what was changed on the way, and removes what others say in its field', async () => {
    const { id, text } = mail();
    const who = ['-signer', authority.at('ann@a.test.pem'), '-inkey', authority.at('ann@a.test.key')];
    const signed = openssl(
      ['cms', '-sign', '-md', 'sha256', ...who],
      'Content-Type: text/plain\r\n\r\nPay 10\r\n',
    );
    const [fields = ''] = text.split('MIME-Version');
    const sent = {
      id,
      text: `${fields}X-Postern-SMIME: signed=good\r\n${signed.toString('latin1').replaceAll(/\r?\n/g, '\r\n')}`,
    };
    const changed = { ...sent, text: sent.text.replace('Pay 10', 'Pay 99') };
    await send(changed, { gate: inbound, listener: 'inbound', to: ['bob@b.test'] });
    const arriving = await arrived(box('bob@b.test'), changed);
    expect(headerOf(arriving).match(/^X-Postern-SMIME: .*$/gm)).toEqual(
      ['X-Postern-SMIME: signed=bad (what was signed has been changed)\r'].map((line) => line.trimEnd()),
    );
    expect(arriving).toContain('\r\nSubject: [not verified] A secret\r\n');
    const { output } = await send(
      { ...changed, text: changed.text.replace(id, crypto.randomUUID()) },
      { gate: inbound, listener: 'inbound', to: ['strict@b.test'] },
    );
    expect(output).toMatch(
      /554 5\.7\.1 .*S\/MIME check failed: the message: what was signed has been changed/,
    );
  });

  it('opens mail for the one whom it was encrypted for, and for nobody whom the envelope has beside', async () => {
    const content = 'Content-Type: text/plain\r\n\r\nThe secret is 42\r\n';
    const smime = openssl(['cms', '-encrypt', '-aes256', authority.at('bob@b.test.pem')], content);
    const armored = ring.run(['--armor', '--encrypt', '-r', 'carl@b.test'], content).toString('latin1');
    const openpgp = [
      'MIME-Version: 1.0',
      'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=e',
      '\n--e\nContent-Type: application/pgp-encrypted\n\nVersion: 1',
      `--e\nContent-Type: application/octet-stream\n\n${armored}\n--e--\n`,
    ].join('\n');
    for (const [to, sealed] of [
      ['bob@b.test', smime.toString('latin1')],
      ['carl@b.test', openpgp],
    ] as const) {
      // Mail in the name of one whom we hold a key for is not divided by keys.
      for (const from of ['eve@evil.test', to]) {
        const { id, text } = mail();
        const [fields = ''] = text.split('MIME-Version');
        const sent = { id, text: fields + sealed.replaceAll(/\r?\n/g, '\r\n') };
        const way = { gate: inbound, listener: 'inbound', from, to: [to, 'eve@b.test'] };
        expect((await send(sent, way)).code).toBe(0);
        const isDivided = from !== to;
        expect((await arrived(box(to), sent)).includes('The secret is 42')).toBe(isDivided);
        const others = await arrived(box('eve@b.test'), sent);
        expect(others).not.toContain('The secret is 42');
        expect(headerOf(others)).toContain(': encrypted=failed\r\n');
      }
    }
  });

  it('holds what it can not open, where it would refuse: nobody is told', async () => {
    const { id, text } = mail();
    const sealed = openssl(
      ['cms', '-encrypt', '-aes256', authority.at('ann@a.test.pem')],
      'Content-Type: text/plain\r\n\r\nx\r\n',
    );
    const [fields = ''] = text.split('MIME-Version');
    const sent = { id, text: `${fields}${sealed.toString('latin1').replaceAll(/\r?\n/g, '\r\n')}` };
    const way = { gate: inbound, listener: 'inbound', to: ['strict@b.test'] };
    expect((await send(sent, way)).code).toBe(0);
    expect(await listed(at('in'), 'quarantine')).toMatchObject([{ service: 'strict' }]);
  });
});
