import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spoolOf } from '../../src/base/spool.ts';
import { imageOf } from '../../src/mail/image.ts';
import type { HeldKey } from '../../src/ocp/held-key.ts';
import { HeldKeys } from '../../src/sandbox/capabilities/held-keys.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { secureMail } from '../../src/sandbox/capabilities/key-secure.ts';
import { keyPart } from '../../src/sandbox/capabilities/key.ts';
import { LibraryThreads } from '../../src/sandbox/capabilities/library-threads.ts';
import { lacks } from '../interop/support/servers.ts';
import { temporaryDirectory } from '../support/postern.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { additions, Keyring } from '../support/secure-mail.ts';
import { ask, type Heard } from './asking.ts';

const missing = lacks('gpg', 'gpgconf');

// The operations of `key` for OpenPGP, in the threads that do them, with GnuPG as the other side.
describe.skipIf(missing !== '')(`OpenPGP by the host${missing}`, () => {
  const directory = temporaryDirectory();
  const threads = new LibraryThreads();
  const at = (name: string): string => join(directory.path, name);
  let ring: Keyring;
  let keys: HeldKey[];
  let signedBeforeRevoked = '';

  beforeAll(() => {
    ring = new Keyring(at('gnupg'));
    mkdirSync(at('partners'));
    for (const [name, kind] of Object.entries({
      'ann@example.com': 'rsa2048',
      'bob@example.net': 'future-default',
      'eve@example.net': 'future-default',
      'revoked@example.net': 'future-default',
      'gate@partner.test': 'future-default',
    })) {
      // Of RSA there must be a second key for encrypting.
      ring.make(name, kind === 'rsa2048' ? 'default' : kind);
      if (name === 'eve@example.net') continue;
      if (name.startsWith('revoked')) {
        signedBeforeRevoked = signed(name);
        ring.revoke(name);
      }
      writeFileSync(join(at('partners'), `${name.replace('gate@', '')}.asc`), ring.publicKey(name));
    }
    const secret = (name: string, email: string): HeldKey => {
      writeFileSync(at(`${name}.asc`), ring.secretKey(email), { mode: 0o600 });
      return { type: 'openpgp', name, file: at(`${name}.asc`), addresses: [email] };
    };
    keys = [
      secret('ann', 'ann@example.com'),
      secret('bob', 'bob@example.net'),
      { type: 'openpgp-partners', name: 'partners', directory: at('partners') },
    ];
  }, 180_000);

  afterAll(async () => {
    await threads.close();
    ring.end();
    directory.remove();
  });

  const hostOf = () =>
    createCapabilityHost({
      services: [
        { name: 's', grants: { key: { keys: ['ann', 'bob', 'partners'], operationsPerMinute: 1000 } } },
      ],
      parts: { key: keyPart({ keys: new HeldKeys(keys), operations: secureMail(threads) }) },
      log: new RecordingLog(),
    });

  const MESSAGE =
    'From: Ann <ann@example.com>\r\nSubject: Hello\r\n\r\nblank at the end \r\n- dash\r\nend\r\n';

  const key = (
    fields: object,
    about: { message?: string | Uint8Array; from?: string; to?: readonly string[] } = {},
  ): Promise<Heard> => {
    const { message = MESSAGE, from = 'ann@example.com', to = ['bob@example.net'] } = about;
    const subject = {
      facts: {
        stage: 'message' as const,
        session: '01jsession',
        service: '',
        listener: { name: 'out', protocol: 'submission' as const },
        client: { address: '192.0.2.7', port: 40312 },
        sender: { address: from, params: {} },
        recipients: to.map((address) => ({ address, params: {} })),
      },
      image: imageOf(spoolOf(Buffer.from(message)).handle),
    };
    return ask(hostOf(), { service: 's', capability: 'key', fields, subject });
  };

  const crlf = (octets: Buffer): string => octets.toString('latin1').replaceAll(/\r?\n/g, '\r\n').trimEnd();
  const from = (content: string, address = 'bob@example.net'): string =>
    `From: <${address}>\r\nTo: ann@example.com\r\n${content}`;
  const opened = (message: string, to = ['ann@example.com']): Promise<Heard> =>
    key({ op: 'openpgp-open' }, { message, from: 'bob@example.net', to });
  const layers = async (message: string): Promise<unknown> => (await opened(message)).said!['layers'];

  const CONTENT = 'Content-Type: text/plain\r\n\r\nSecret\r\n';
  const encrypted = (armored: string): string =>
    [
      'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=e',
      '',
      '--e',
      'Content-Type: application/pgp-encrypted',
      '',
      'Version: 1',
      '--e',
      'Content-Type: application/octet-stream',
      '',
      armored,
      '--e--',
      '',
    ].join('\r\n');
  const sealed = (words: readonly string[], content = CONTENT, to = 'ann@example.com'): string =>
    encrypted(crlf(ring.run(['--armor', ...words, '--encrypt', '-r', to], content)));
  const signed = (by: string, content = CONTENT): string =>
    [
      'Content-Type: multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256; boundary=s',
      '',
      '--s',
      content,
      '--s',
      'Content-Type: application/pgp-signature',
      '',
      crlf(ring.run(['--armor', '--local-user', by, '--detach-sign'], content)),
      '--s--',
      '',
    ].join('\r\n');
  const GOOD = { kind: 'signed', result: 'good', reason: '' };
  const OPENED = { kind: 'encrypted', result: 'opened' };

  /** The two parts of a multipart with the boundary that it says. */
  function partsOf(text: string): readonly [string, string] {
    const boundary = /boundary="([^"]+)"/.exec(text)![1]!;
    const [, first = '', second = ''] = text.split(`--${boundary}`);
    return [first.slice(2, -2), second.slice(2, -2)];
  }

  it('signs what GnuPG verifies, in a form that survives', async () => {
    const { body, cause } = await key({ op: 'openpgp-protect', sign: true });
    expect(cause).toBeUndefined();
    expect(body).not.toMatch(/[^\t\r\n -~]|[ \t]\r\n|[^\r]\n/);
    const [first, second] = partsOf(body!);
    expect(body).toMatch(/micalg=pgp-sha(256|512);/);
    writeFileSync(at('signature.asc'), second.slice(second.indexOf('\r\n\r\n') + 4));
    ring.run(['--verify', at('signature.asc'), '-'], first);
    expect(() => ring.run(['--verify', at('signature.asc'), '-'], `${first}x`)).toThrow(/BAD signature/);
  });

  it('encrypts what GnuPG opens', async () => {
    const { body } = await key({ op: 'openpgp-protect', sign: true, encrypt: ['bob@example.net'] });
    const [first, second] = partsOf(body!);
    expect(first).toContain('Version: 1');
    const inner = ring.run(['--decrypt'], second.slice(second.indexOf('\r\n\r\n') + 4)).toString();
    expect(inner).toMatch(/^Content-Type: multipart\/signed; protocol="application\/pgp-signature"/);
  });

  it.each([
    ['with a packet against changes', []],
    ['compressed', ['--compress-algo', 'zlib']],
    ['hidden recipient', ['--throw-keyids']],
  ])('opens what GnuPG encrypted: %s', async (_, words) => {
    const { said, body } = await opened(from(sealed(words)));
    expect(said).toEqual({ layers: [OPENED] });
    expect(body).toBe(CONTENT);
  });

  it('judges signatures inside and outside of what is encrypted', async () => {
    expect(await layers(from(signed('bob@example.net')))).toEqual([GOOD]);
    expect(await layers(from(sealed(['--sign', '--local-user', 'bob@example.net'])))).toEqual([OPENED, GOOD]);
    expect(await layers(from(sealed([], signed('bob@example.net'))))).toEqual([OPENED, GOOD]);
    expect(await layers(from(signed('gate@partner.test'), 'anyone@partner.test'))).toEqual([GOOD]);
  });

  it.each([
    ['eve@example.net', 'bob@example.net', 'its key is not known for the address in From'],
    ['bob@example.net', 'eve@example.net', 'its key is not known for the address in From'],
    ['revoked@example.net', 'revoked@example.net', 'the key is revoked'],
  ])('does not believe a signature of %s in mail from %s', async (by, address, reason) => {
    const text = by.startsWith('revoked') ? signedBeforeRevoked : signed(by);
    expect(await layers(from(text, address))).toEqual([{ kind: 'signed', result: 'untrusted', reason }]);
  });

  it('sees what was changed', async () => {
    expect(await layers(from(signed('bob@example.net').replace('Secret', 'secret')))).toEqual([
      { kind: 'signed', result: 'bad', reason: 'what was signed has been changed' },
    ]);
    const broken = signed('bob@example.net').replace(/^(-----BEGIN PGP SIGNATURE-----).*$/m, '$1x');
    expect(await layers(from(broken))).toMatchObject([{ kind: 'signed', result: 'bad' }]);
  });

  it('does not call good what has more in it than what is signed and the signature', async () => {
    const good = from(signed('bob@example.net'));
    const notice = 'This is an OpenPGP/MIME signed message (RFC 4880 and 3156)';
    expect(await layers(good.replace('\r\n--s', `\r\n${notice}\r\n--s`))).toEqual([GOOD]);
    const added = additions(good, { boundary: 's', signature: 'application/pgp-signature' });
    const inSignature = good.replace('-----BEGIN PGP', 'More\r\n-----BEGIN PGP');
    for (const [message, reason] of [...added, [inSignature, 'the signature cannot be read'] as const]) {
      expect(message).not.toBe(good);
      expect([message, await layers(message)]).toEqual([
        message,
        [{ kind: 'signed', result: 'bad', reason }],
      ]);
    }
  });

  it('says the same of all that it can not open, and nothing of its text', async () => {
    const failed = { said: { layers: [{ kind: 'encrypted', result: 'failed' }] } };
    const unprotected = ['--rfc2440', '--disable-mdc', '--cipher-algo', 'AES256'];
    expect(await opened(from(sealed([], CONTENT, 'eve@example.net')))).toEqual(failed);
    expect(await opened(from(sealed(unprotected)))).toEqual(failed);
    expect(await opened(from(encrypted('nothing')))).toEqual(failed);
    expect(await opened(from(sealed([])), ['bob@example.net'])).toEqual(failed);
    const octets = ring.run(['--encrypt', '-r', 'ann@example.com'], CONTENT);
    octets[octets.length - 30]! ^= 1;
    const tampered = encrypted(octets.toString('base64')).replace(
      'application/octet-stream',
      'application/octet-stream\r\nContent-Transfer-Encoding: base64',
    );
    expect(await opened(from(tampered))).toEqual(failed);
  });

  it('opens nothing for one that others would read too', async () => {
    const failed = { said: { layers: [{ kind: 'encrypted', result: 'failed' }] } };
    expect(await opened(from(sealed([])), ['ann@example.com', 'eve@example.com'])).toEqual(failed);
    expect(await opened(from(sealed([])), ['ann@example.com', 'bob@example.net'])).toEqual(failed);
    expect((await opened(from(sealed([])), ['ann@example.com'])).body).toBe(CONTENT);
  });

  it('does not unpack more than a message may have', async () => {
    const bomb = Buffer.alloc(80 * 1024 * 1024, 'x').toString();
    expect((await opened(from(sealed(['--compress-algo', 'zlib', '-z', '9'], bomb)))).said).toEqual({
      layers: [{ kind: 'encrypted', result: 'failed' }],
    });
  }, 120_000);

  it('finds who can be encrypted to', async () => {
    const to = ['bob@example.net', 'eve@example.net', 'revoked@example.net', 'x@partner.test'];
    expect((await key({ op: 'openpgp-find' }, { to })).said).toEqual({
      signs: true,
      recipients: ['bob@example.net', 'x@partner.test'],
    });
  });

  it('takes a message of 25 MB within the memory of its thread', async () => {
    const line = `${'x'.repeat(76)}\r\n`;
    const large = Buffer.concat([
      Buffer.from('From: ann@example.com\r\n\r\n'),
      Buffer.from(line.repeat(325_000)),
    ]);
    const protect = { op: 'openpgp-protect', sign: true, encrypt: ['bob@example.net'] };
    const { body, cause } = await key(protect, { message: large });
    expect(cause).toBeUndefined();
    const heard = await opened(from(body!, 'ann@example.com'), ['bob@example.net']);
    expect(heard.said!['layers']).toEqual([OPENED, GOOD]);
    expect(heard.body!.length).toBeGreaterThan(25_000_000);
  }, 180_000);

  it('does nothing beyond the grant and the envelope', async () => {
    const sign = { op: 'openpgp-protect', sign: true };
    expect((await key(sign, { from: 'eve@example.net' })).error).toBe('DENIED');
    expect((await key({ ...sign, encrypt: ['eve@example.net'] })).error).toBe('DENIED');
    const { file } = keys[0] as { file: string };
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, 'hidden');
    const refused = await key(sign);
    writeFileSync(file, before);
    expect(refused.error).toBe('UNAVAILABLE');
    expect(refused.cause).not.toContain('hidden');
  });
});
