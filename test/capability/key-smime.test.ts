import { mkdirSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spoolOf } from '../../src/base/spool.ts';
import { imageOf } from '../../src/mail/image.ts';
import type { CallSubject, CapabilityHost, KeyGrant } from '../../src/ocp/capability.ts';
import type { HeldKey } from '../../src/ocp/held-key.ts';
import { HeldKeys } from '../../src/sandbox/capabilities/held-keys.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { secureMail } from '../../src/sandbox/capabilities/key-secure.ts';
import { keyPart } from '../../src/sandbox/capabilities/key.ts';
import { LibraryThreads } from '../../src/sandbox/capabilities/library-threads.ts';
import { lacks } from '../interop/support/servers.ts';
import { temporaryDirectory } from '../support/postern.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { additions, Authority, openssl } from '../support/secure-mail.ts';
import { ask, type Heard } from './asking.ts';

const missing = lacks('openssl');

// The operations of `key` for S/MIME, in the threads that do them, with OpenSSL as the other side.
describe.skipIf(missing !== '')(`S/MIME by the host${missing}`, () => {
  const directory = temporaryDirectory();
  const threads = new LibraryThreads();
  const at = (name: string): string => join(directory.path, name);
  let ours: Authority;
  let theirs: Authority;
  let keys: HeldKey[];

  beforeAll(() => {
    ours = new Authority(at('ca'));
    theirs = new Authority(at('other-ca'), 'Nobody we know');
    mkdirSync(at('partners'));
    for (const [name, options] of Object.entries({
      ann: { email: 'ann@example.com' },
      bob: { email: 'bob@example.net' },
      ec: { email: 'ec@example.net', ec: true },
      old: { email: 'old@example.net', expired: true },
      revoked: { email: 'revoked@example.net' },
      serving: { email: 'serving@example.net', usage: 'keyEncipherment' },
      mute: { email: 'mute@example.net', usage: 'digitalSignature' },
      gate: { email: 'gate@partner.test' },
    })) {
      ours.issue(name, options);
      const file = name === 'gate' ? 'partner.test' : options.email;
      copyFileSync(ours.at(`${name}.pem`), join(at('partners'), `${file}.pem`));
    }
    theirs.issue('bob', { email: 'bob@example.net' });
    const holder = (name: string, addresses: string[]): HeldKey => ({
      type: 'smime',
      name,
      file: ours.at(`${name}.key`),
      certificate: ours.at(`${name}.pem`),
      addresses,
    });
    keys = [
      holder('ann', ['ann@example.com']),
      holder('ec', ['ec@example.net']),
      {
        type: 'smime-partners',
        name: 'partners',
        authorities: ours.certificate,
        revocations: ours.revoke(ours.at('revoked.pem')),
        directory: at('partners'),
      },
    ];
  }, 120_000);

  afterAll(async () => {
    await threads.close();
    directory.remove();
  });

  function hostOf(grant: Partial<KeyGrant> = {}): CapabilityHost {
    const granted = { keys: ['ann', 'ec', 'partners'], operationsPerMinute: 1000, ...grant };
    return createCapabilityHost({
      services: [{ name: 's', grants: { key: granted } }],
      parts: { key: keyPart({ keys: new HeldKeys(keys), operations: secureMail(threads) }) },
      log: new RecordingLog(),
    });
  }

  const subject = (message: string | Uint8Array, from: string, to: readonly string[]): CallSubject => ({
    facts: {
      stage: 'message',
      session: '01jsession',
      service: '',
      listener: { name: 'out', protocol: 'submission' },
      client: { address: '192.0.2.7', port: 40312 },
      sender: { address: from, params: {} },
      recipients: to.map((address) => ({ address, params: {} })),
    },
    image: imageOf(spoolOf(Buffer.from(message)).handle),
  });

  async function key(
    fields: object,
    about: { message?: string | Uint8Array; from?: string; to?: readonly string[]; host?: CapabilityHost },
  ): Promise<Heard> {
    const { message = MESSAGE, from = 'ann@example.com', to = ['bob@example.net'], host = hostOf() } = about;
    return ask(host, { service: 's', capability: 'key', fields, subject: subject(message, from, to) });
  }

  const TEXT = 'Gr\u00fc\u00dfe  \r\n\r\nFrom here\r\n.\r\nend';
  const MESSAGE = Buffer.from(
    `From: Ann <ann@example.com>\r\nSubject: Hello\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\n${TEXT}`,
    'latin1',
  );
  const file = (name: string, octets: string): string => {
    writeFileSync(at(name), octets, 'latin1');
    return at(name);
  };
  /** A message from them with that content. */
  const from = (content: Buffer | string, address = 'bob@example.net'): Buffer => {
    const text = content.toString('latin1').replace(/\r?\n/g, '\r\n');
    return Buffer.from(`From: <${address}>\r\nTo: ann@example.com\r\n${text}`, 'latin1');
  };
  const opened = (message: Buffer, to = ['ann@example.com']): Promise<Heard> =>
    key({ op: 'smime-open' }, { message, from: 'bob@example.net', to });
  const signedBy = (
    name: string,
    options: { authority?: Authority; words?: string[]; address?: string } = {},
  ): Buffer => {
    const { authority = ours, words = [], address } = options;
    const who = ['-signer', authority.at(`${name}.pem`), '-inkey', authority.at(`${name}.key`)];
    const content = 'Content-Type: text/plain\r\n\r\nSigned text\r\n';
    return from(openssl(['cms', '-sign', ...who, '-md', 'sha256', ...words], content), address);
  };
  /** Options of a recipient's key come after `-recip`. */
  const encryptedFor = (
    name: string,
    words: readonly string[] = ['-aes256'],
    content: string | Buffer = 'Content-Type: text/plain\r\n\r\nSecret\r\n',
  ): Buffer => {
    const at = words.indexOf('-keyopt');
    const [before, after] = at < 0 ? [words, []] : [words.slice(0, at), words.slice(at)];
    return from(openssl(['cms', '-encrypt', ...before, '-recip', ours.at(`${name}.pem`), ...after], content));
  };
  const layer = async (message: Buffer): Promise<unknown> => (await opened(message)).said!['layers'];

  it('signs what OpenSSL verifies, in a form that survives', async () => {
    const { said, body, error, cause } = await key({ op: 'smime-protect', sign: true }, {});
    expect({ said, error, cause }).toEqual({ said: {} });
    expect(body).toMatch(
      /^Content-Type: multipart\/signed; protocol="application\/pkcs7-signature"; micalg=sha-256;/,
    );
    expect(body).not.toMatch(/[^\t\r\n -~]|[ \t]\r\n|^From |[^\r]\n/m);
    const signed = file('signed.eml', body!);
    const verify = ['cms', '-verify', '-in', signed, '-CAfile', ours.certificate, '-purpose', 'any'];
    expect(openssl(verify).toString()).toContain('Content-Transfer-Encoding:');
    file('signed.eml', body!.replace('iso-8859-1', 'iso-8859-2'));
    expect(() => openssl(verify)).toThrow(/digest|verif/i);
  });

  it.each(['aes-256-cbc', 'aes-256-gcm'])(
    'encrypts by %s for RSA and EC what OpenSSL opens',
    async (cipher) => {
      const to = ['bob@example.net', 'ec@example.net'];
      const { body } = await key({ op: 'smime-protect', sign: true, encrypt: to, cipher }, { to });
      const sealed = file('sealed.eml', body!);
      for (const name of ['bob', 'ec']) {
        const who = ['-recip', ours.at(`${name}.pem`), '-inkey', ours.at(`${name}.key`)];
        const inner = openssl(['cms', '-decrypt', '-in', sealed, ...who]);
        expect(inner.toString('latin1')).toContain('multipart/signed');
        expect(openssl(['cms', '-verify', '-CAfile', ours.certificate], inner).toString('latin1')).toContain(
          'text/plain',
        );
      }
      const other = ['-recip', ours.at('old.pem'), '-inkey', ours.at('old.key')];
      expect(() => openssl(['cms', '-decrypt', '-in', sealed, ...other])).toThrow(/Error decrypting/);
    },
  );

  it.each([
    ['CBC', ['-aes256']],
    ['CBC with 128 bits', ['-aes128']],
    ['GCM', ['-aes-256-gcm']],
    ['OAEP', ['-aes256', '-keyopt', 'rsa_padding_mode:oaep', '-keyopt', 'rsa_oaep_md:sha256']],
    ['a key identifier', ['-aes256', '-keyid']],
    ['streamed', ['-aes256', '-stream']],
  ])('opens what OpenSSL encrypted: %s', async (_, words) => {
    const { said, body } = await opened(encryptedFor('ann', words));
    expect(said).toEqual({ layers: [{ kind: 'encrypted', result: 'opened' }] });
    expect(body).toBe('Content-Type: text/plain\r\n\r\nSecret\r\n');
  });

  it.each([['-aes256'], ['-aes-256-gcm'], ['-aes256', '-keyopt', 'ecdh_kdf_md:sha256']])(
    'opens what OpenSSL encrypted for a key on a curve: %s',
    async (...words) => {
      const message = encryptedFor('ec', words);
      expect((await opened(message, ['ec@example.net'])).body).toContain('Secret');
    },
  );

  it('says the same of all that it can not open', async () => {
    const good = encryptedFor('ann').toString('latin1');
    const at64 = good.indexOf('\r\n\r\n') + 4;
    const lines = good.length - at64;
    const failed = { layers: [{ kind: 'encrypted', result: 'failed' }] };
    const letter = (offset: number): Buffer => {
      const place = at64 + offset;
      const other = good[place] === 'A' ? 'B' : 'A';
      return Buffer.from(good.slice(0, place) + other + good.slice(place + 1), 'latin1');
    };
    // In the structure, the encrypted key, the octets.
    for (const offset of [10, Math.floor(lines / 2), lines - 20])
      expect((await opened(letter(offset))).said).toEqual(failed);
    expect((await opened(encryptedFor('bob'))).said).toEqual(failed);
    expect((await opened(encryptedFor('bob'), ['ec@example.net'])).said).toEqual(failed);
    expect((await opened(from('Content-Type: application/pkcs7-mime\r\n\r\nnothing'))).said).toEqual(failed);
    const tampered = await opened(letter(lines - 20));
    expect(tampered.body).toBeUndefined();
  });

  it('opens nothing for one that others would read too, unless the key is for all of them', async () => {
    const failed = { layers: [{ kind: 'encrypted', result: 'failed' }] };
    const sealed = encryptedFor('ann');
    const both = await opened(sealed, ['ann@example.com', 'eve@example.com']);
    expect(both).toEqual({ said: failed });
    expect((await opened(sealed, ['ann@example.com', 'ec@example.net'])).said).toEqual(failed);
    expect((await opened(sealed, [])).said).toEqual(failed);
    expect((await opened(sealed, ['ann@example.com', 'Ann@EXAMPLE.com'])).body).toContain('Secret');
    keys = keys.map((one) => (one.name === 'ann' ? { ...one, addresses: ['example.com'] } : one));
    expect((await opened(sealed, ['ann@example.com', 'eve@example.com'])).body).toContain('Secret');
    keys = keys.map((one) => (one.name === 'ann' ? { ...one, addresses: ['ann@example.com'] } : one));
  });

  it('gives out nothing of CBC that is no text, unless a signature inside covers it', async () => {
    const garbage = Buffer.from('Content-Type: text/html\r\n\r\n<img src="\u0001\u0002\u00ff">', 'latin1');
    expect((await opened(encryptedFor('ann', ['-aes256', '-binary'], garbage))).said).toEqual({
      layers: [{ kind: 'encrypted', result: 'failed' }],
    });
    expect((await opened(encryptedFor('ann', ['-aes-256-gcm', '-binary'], garbage))).body).toContain(
      'base64',
    );
    const signed = openssl(
      ['cms', '-sign', '-binary', '-nodetach', '-signer', ours.at('bob.pem'), '-inkey', ours.at('bob.key')],
      garbage,
    );
    const { said } = await opened(encryptedFor('ann', ['-aes256'], signed));
    expect(said!['layers']).toMatchObject([{ result: 'opened' }, { kind: 'signed', result: 'good' }]);
  });

  it('leaves a part that is encrypted beside others alone', async () => {
    const inner = encryptedFor('ann').toString('latin1').split('\r\n').slice(2).join('\r\n');
    const mixed = `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n<img src="\r\n--b\r\n${inner}\r\n--b--\r\n`;
    expect(await opened(from(mixed))).toEqual({ said: { layers: [] } });
  });

  it('judges what OpenSSL signed', async () => {
    expect(await layer(signedBy('bob'))).toEqual([{ kind: 'signed', result: 'good', reason: '' }]);
    expect(await layer(signedBy('ec', { address: 'ec@example.net' }))).toMatchObject([{ result: 'good' }]);
    const { said, body } = await opened(signedBy('bob', { words: ['-nodetach'] }));
    expect([said!['layers'], body]).toEqual([
      [{ kind: 'signed', result: 'good', reason: '' }],
      'Content-Type: text/plain\r\n\r\nSigned text\r\n',
    ]);
    const pss = ['-keyopt', 'rsa_padding_mode:pss'];
    expect(await layer(signedBy('bob', { words: pss }))).toMatchObject([{ result: 'good' }]);
  });

  it('believes the certificate that the operator keeps for a domain, for all of it', async () => {
    expect(await layer(signedBy('gate', { address: 'anyone@partner.test' }))).toMatchObject([
      { result: 'good' },
    ]);
    expect(await layer(signedBy('gate', { address: 'anyone@example.net' }))).toMatchObject([
      { result: 'untrusted' },
    ]);
  });

  it.each([
    ['old', 'the certificate is not valid at this time'],
    ['revoked', 'the certificate is revoked'],
    ['serving', 'the certificate is not for signatures'],
  ])('does not believe a certificate that is %s', async (name, reason) => {
    const message = signedBy(name, { address: `${name}@example.net` });
    expect(await layer(message)).toEqual([{ kind: 'signed', result: 'untrusted', reason }]);
  });

  it('believes neither another authority, nor a certificate of somebody else, nor two From fields', async () => {
    expect(await layer(signedBy('bob', { authority: theirs }))).toEqual([
      {
        kind: 'signed',
        result: 'untrusted',
        reason: 'no authority that is known vouches for the certificate',
      },
    ]);
    const other = {
      kind: 'signed',
      result: 'untrusted',
      reason: 'the certificate is not of the address in From',
    };
    expect(await layer(signedBy('bob', { address: 'eve@example.net' }))).toEqual([other]);
    const two = Buffer.concat([Buffer.from('From: eve@example.net\r\n'), signedBy('bob')]);
    expect(await layer(two)).toEqual([other]);
  });

  it('sees what was changed, added or left out', async () => {
    const text = signedBy('bob').toString('latin1');
    const changed = { kind: 'signed', result: 'bad', reason: 'what was signed has been changed' };
    expect(await layer(Buffer.from(text.replace('Signed text', 'Signed Text')))).toEqual([changed]);
    const unreadable = { kind: 'signed', result: 'bad', reason: 'the signature cannot be read' };
    expect(await layer(Buffer.from(text.replace(/MII[A-Za-z0-9]{20}/, 'AAAA')))).toEqual([unreadable]);
    expect(await layer(signedBy('bob', { words: ['-md', 'sha1'] }))).toEqual([
      { kind: 'signed', result: 'bad', reason: 'the signature is by a weak hash' },
    ]);
  });

  it('does not call good what has more in it than what is signed and the signature', async () => {
    const text = signedBy('bob').toString('latin1');
    const boundary = /boundary="([^"]+)"/.exec(text)![1]!;
    // OpenSSL's notice to readers without MIME may stand there.
    expect(text).toContain(`\r\nThis is an S/MIME signed message\r\n\r\n--${boundary}\r\n`);
    for (const [message, reason] of additions(text, {
      boundary,
      signature: 'application/pkcs7-signature',
    })) {
      expect(message).not.toBe(text);
      expect([message, await layer(Buffer.from(message))]).toEqual([
        message,
        [{ kind: 'signed', result: 'bad', reason }],
      ]);
    }
  });

  it('does not believe that who signed is the author where readers may show another', async () => {
    const text = signedBy('bob').toString('latin1');
    for (const author of ['eve@example.org <bob@example.net>', '<bob@example.net> <eve@example.org>']) {
      expect(await layer(Buffer.from(text.replace(/^From: .*\r\n/, `From: ${author}\r\n`)))).toMatchObject([
        { result: 'untrusted' },
      ]);
    }
  });

  it('opens what it made, with the content as it was', async () => {
    const { body } = await key(
      { op: 'smime-protect', sign: true, encrypt: ['ec@example.net'] },
      { to: ['ec@example.net'] },
    );
    const message = from(Buffer.from(body!, 'latin1'), 'ann@example.com');
    const heard = await opened(message, ['ec@example.net']);
    expect(heard.said!['layers']).toEqual([
      { kind: 'encrypted', result: 'opened' },
      { kind: 'signed', result: 'good', reason: '' },
    ]);
    expect(heard.body).toContain('Content-Type: multipart/signed');
  });

  it('finds who can be encrypted to, and whose key there is', async () => {
    const to = [
      'bob@example.net',
      'old@example.net',
      'mute@example.net',
      'x@partner.test',
      '"../bob"@example.net',
    ];
    expect((await key({ op: 'smime-find' }, { to })).said).toEqual({
      signs: true,
      recipients: ['bob@example.net', 'x@partner.test'],
    });
    const stranger = await key({ op: 'smime-find' }, { from: 'eve@example.com' });
    expect(stranger.said).toEqual({ signs: false, recipients: ['bob@example.net'] });
  });

  it('takes a message of 25 MB within the memory of its thread', async () => {
    const line = `${'x'.repeat(76)}\r\n`;
    const large = Buffer.concat([
      Buffer.from('From: ann@example.com\r\n\r\n'),
      Buffer.from(line.repeat(325_000)),
    ]);
    const to = ['ec@example.net'];
    const { body, cause } = await key(
      { op: 'smime-protect', sign: true, encrypt: to },
      { message: large, to },
    );
    expect(cause).toBeUndefined();
    const heard = await opened(from(Buffer.from(body!, 'latin1'), 'ann@example.com'), to);
    expect(heard.said!['layers']).toMatchObject([{ result: 'opened' }, { result: 'good' }]);
    expect(heard.body!.length).toBeGreaterThan(25_000_000);
  }, 180_000);

  it('does nothing beyond the grant, the envelope and the limits', async () => {
    const sign = { op: 'smime-protect', sign: true };
    const error = async (fields: object, about: Parameters<typeof key>[1]) =>
      (await key(fields, about)).error;
    expect(await error(sign, { from: 'eve@example.com' })).toBe('DENIED');
    expect(await error(sign, { from: '' })).toBe('DENIED');
    expect(await error(sign, { host: hostOf({ keys: ['partners'] }) })).toBe('DENIED');
    expect(await error({ ...sign, encrypt: ['ec@example.net'] }, {})).toBe('DENIED');
    expect(await error({ op: 'smime-protect', sign: false }, {})).toBe('INVALID');
    expect(await error({ ...sign, cipher: 'des' }, {})).toBe('INVALID');
    expect(await error({ op: 'smime-open', more: 1 }, {})).toBe('INVALID');
    expect(await error({ ...sign, encrypt: ['old@example.net'] }, { to: ['old@example.net'] })).toBe(
      'UNAVAILABLE',
    );
    const host = hostOf({ operationsPerMinute: 1 });
    expect(await error(sign, { host })).toBeUndefined();
    expect(await error(sign, { host })).toBe('LIMIT');
    const huge = Buffer.alloc(51 * 1024 * 1024, 'x');
    // Not the grant's `LIMIT`, which is one of the next minute no more.
    expect(await error(sign, { message: huge })).toBe('INVALID');
    expect(await error({ op: 'smime-find' }, { message: huge })).toBeUndefined();
    const aborted = AbortSignal.abort();
    const late = await ask(hostOf(), {
      service: 's',
      capability: 'key',
      fields: sign,
      subject: subject(MESSAGE, 'ann@example.com', []),
      signal: aborted,
    });
    expect(late.error).toBe('UNAVAILABLE');
    expect(readFileSync(ours.at('ann.key'), 'utf8')).toContain('PRIVATE KEY');
  });
});
