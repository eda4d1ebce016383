import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { spoolOf } from '../../src/base/spool.ts';
import { applySplices, imageOf, isProblem, type MessageImage } from '../../src/mail/image.ts';
import type { CallSubject, CapabilityHost, KeyGrant } from '../../src/ocp/capability.ts';
import type { DkimKey } from '../../src/ocp/held-key.ts';
import { HeldKeys } from '../../src/sandbox/capabilities/held-keys.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { dkimSigner } from '../../src/sandbox/capabilities/key-dkim.ts';
import { keyPart } from '../../src/sandbox/capabilities/key.ts';
import { LibraryThreads } from '../../src/sandbox/capabilities/library-threads.ts';
import { lacks } from '../interop/support/servers.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { ask, type Heard } from './asking.ts';
import { dkimpyVerifies, opendkimVerifies } from './other-dkim.ts';

/** `dkim-sign`, judged by OpenDKIM and by dkimpy. */
const directory = mkdtempSync(join(tmpdir(), 'postern-dkim-'));
const threads = new LibraryThreads();

afterAll(async () => {
  await threads.close();
  rmSync(directory, { recursive: true });
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');

function held(name: string, pair: { privateKey: KeyObject }): DkimKey {
  const file = join(directory, `${name}.pem`);
  writeFileSync(file, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { type: 'dkim', name, file, domain: 'example.com', selector: name };
}

const keys = [held('rsa', rsa), held('ed', ed25519), held('other', rsa), held('gone', rsa)];
rmSync(join(directory, 'gone.pem'));

const records = {
  rsa: `v=DKIM1; k=rsa; p=${rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`,
  ed: `v=DKIM1; k=ed25519; p=${ed25519.publicKey.export({ type: 'spki', format: 'der' }).subarray(12).toString('base64')}`,
};

function hostOf(grant: Partial<KeyGrant> = {}, log = new RecordingLog()): CapabilityHost {
  return createCapabilityHost({
    services: [
      { name: 's', grants: { key: { keys: ['rsa', 'ed', 'gone'], operationsPerMinute: 1000, ...grant } } },
      { name: 'without', grants: {} },
    ],
    parts: { key: keyPart({ keys: new HeldKeys(keys), operations: { 'dkim-sign': dkimSigner(threads) } }) },
    log,
  });
}

const MESSAGE = [
  'Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000',
  'From: Ann  <ann@example.com>',
  'To: bob@example.net,',
  '\t carl@example.net',
  'Subject:  =?utf-8?q?caf=C3=A9?=   and\tmore ',
  'Date: Mon, 1 Jan 2024 00:00:00 +0000',
  'Message-ID: <1@example.com>',
  '',
  'Hello  \tthere \t',
  '   indented',
  '',
  'end',
  '',
  '',
  '',
].join('\r\n');

const imageFor = (text: string): MessageImage => imageOf(spoolOf(Buffer.from(text, 'latin1')).handle);

const about = (image: MessageImage | undefined): CallSubject => ({
  facts: {
    stage: image === undefined ? 'rcpt' : 'message',
    session: '01jsession',
    service: '',
    listener: { name: 'out', protocol: 'submission' },
    client: { address: '192.0.2.7', port: 40312 },
  },
  ...(image && { image }),
});

const sign = (
  host: CapabilityHost,
  fields: object,
  options: { image?: MessageImage | undefined; service?: string; body?: string } = {},
): Promise<Heard> => {
  const { image = imageFor(MESSAGE), service = 's', body } = options;
  return ask(host, {
    service,
    capability: 'key',
    fields: { op: 'dkim-sign', ...fields },
    subject: about('image' in options ? options.image : image),
    ...(body !== undefined && { body }),
  });
};

const missing = lacks('opendkim', 'dkimverify');

describe.skipIf(missing !== '')(`a signature${missing}`, () => {
  it.each(['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'])(
    '%s holds',
    async (how) => {
      const { said, body } = await sign(hostOf(), { key: 'rsa', canonicalization: how });
      expect(said).toEqual({ domain: 'example.com', selector: 'rsa' });
      expect(body).toMatch(/^DKIM-Signature: v=1; a=rsa-sha256; .*\r\n$/s);
      expect(await dkimpyVerifies(body! + MESSAGE, records)).toBe('pass');
      expect(await dkimpyVerifies(body! + MESSAGE.replace('end', 'And'), records)).toMatch(
        /^error body hash mismatch/,
      );
    },
  );

  // As a milter it is not shown white space after a colon, so there is no simple header for it.
  it.each(['relaxed/relaxed', 'relaxed/simple'])('%s holds for OpenDKIM', async (how) => {
    const { body } = await sign(hostOf(), { key: 'rsa', canonicalization: how });
    expect(await opendkimVerifies(body! + MESSAGE, { records, directory })).toContain(
      'dkim=pass (2048-bit key)',
    );
    expect(await opendkimVerifies(body! + MESSAGE.replace('end', 'And'), { records, directory })).toContain(
      'dkim=fail',
    );
  });

  it('by Ed25519 holds (RFC 8463)', async () => {
    const { said, body } = await sign(hostOf(), { key: 'ed' });
    expect(said).toEqual({ domain: 'example.com', selector: 'ed' });
    expect(await dkimpyVerifies(body! + MESSAGE, records)).toBe('pass');
  });

  it('is broken by a field that nobody may add, and by no other', async () => {
    const { body } = await sign(hostOf(), { key: 'rsa' });
    expect(await dkimpyVerifies(`X-More: 1\r\n${body}${MESSAGE}`, records)).toBe('pass');
    for (const field of [
      'From: eve@example.net',
      'Subject: other',
      'Reply-To: eve@example.net',
      'Content-Type: text/html',
    ]) {
      expect([field, await dkimpyVerifies(`${field}\r\n${body}${MESSAGE}`, records)]).toEqual([
        field,
        'fail',
      ]);
    }
  });

  it('signs what it is asked to, and ends when it is told to', async () => {
    const { body } = await sign(hostOf(), {
      key: 'rsa',
      headers: ['from', 'X-None', 'Subject'],
      oversign: [],
      expires: 3600,
    });
    const [, time, end] = /\tt=(\d+); x=(\d+);/.exec(body!)!;
    expect(Number(end) - Number(time)).toBe(3600);
    expect(body).toContain('\th=from:Subject;');
    expect(await dkimpyVerifies(body! + MESSAGE, records)).toBe('pass');
  });

  it('is of the message as the service found it', async () => {
    const original = imageFor(MESSAGE);
    const added = Buffer.from('Reply-To: ann@example.com\r\n');
    const image = applySplices(original, [{ offset: 0, remove: 0, bytes: added }]);
    if (isProblem(image)) throw new Error(image.problem);
    const { body } = await sign(hostOf(), { key: 'rsa' }, { image });
    expect(await dkimpyVerifies(body! + added.toString() + MESSAGE, records)).toBe('pass');
    expect(await dkimpyVerifies(body! + MESSAGE, records)).toBe('fail');
  });

  it('can be of a large message, of an empty one, and of one with octets beyond ASCII', async () => {
    const large = `${MESSAGE}${'0123456789 abcdef\t\r\n'.repeat(100_000)}`;
    for (const text of [
      large,
      'From: a@example.com\r\n\r\n',
      MESSAGE.replace('Ann', 'Ann\u00c3\u00a0 B\u00a0'),
    ]) {
      const { body } = await sign(hostOf(), { key: 'rsa' }, { image: imageFor(text) });
      expect(await dkimpyVerifies(body! + text, records)).toBe('pass');
    }
  });
});

describe('the capability', () => {
  it('uses the keys that are granted, and says nothing of others', async () => {
    for (const key of ['other', 'unknown', '../rsa', '']) {
      expect(await sign(hostOf(), { key })).toMatchObject({ error: 'DENIED' });
    }
    expect(await sign(hostOf(), { key: 'rsa' }, { service: 'without' })).toMatchObject({ error: 'DENIED' });
  });

  it('is out of order without the key file, and tells nobody what is in it', async () => {
    expect(await sign(hostOf(), { key: 'gone' })).toMatchObject({
      error: 'UNAVAILABLE',
      cause: expect.stringMatching(/ENOENT$/),
    });
    const log = new RecordingLog();
    const [rsaFile = ''] = keys.map(({ file }) => file);
    const before = readFileSync(rsaFile, 'utf8');
    writeFileSync(rsaFile, 'hidden');
    const refused = await sign(hostOf({}, log), { key: 'rsa' });
    writeFileSync(rsaFile, before);
    expect(refused).toMatchObject({ error: 'UNAVAILABLE' });
    await sign(hostOf({}, log), { key: 'rsa' });
    const [, secret = ''] = before.split('\n');
    expect(JSON.stringify([log.lines, refused])).not.toMatch('hidden');
    expect(JSON.stringify(log.lines)).not.toContain(secret);
  });

  it('needs a message, and a request that can be understood', async () => {
    expect(await sign(hostOf(), { key: 'rsa' }, { image: undefined })).toMatchObject({ error: 'DENIED' });
    const wrong: object[] = [
      {},
      { key: 'rsa', op: 'decrypt' },
      { key: 'rsa', domain: 'example.net' },
      { key: 'rsa', headers: ['Subject'] },
      { key: 'rsa', headers: ['From', 'a:b'] },
      { key: 'rsa', headers: Array.from({ length: 101 }, () => 'From') },
      { key: 'rsa', canonicalization: 'nowsp' },
      { key: 'rsa', expires: 59 },
    ];
    for (const fields of wrong) {
      expect([fields, await sign(hostOf(), fields)]).toMatchObject([fields, { error: 'INVALID' }]);
    }
    expect(await sign(hostOf(), { key: 'rsa' }, { body: 'octets' })).toMatchObject({ error: 'INVALID' });
  });

  it('does so many operations a minute', async () => {
    const host = hostOf({ operationsPerMinute: 2 });
    const answers = [];
    for (let i = 0; i < 3; i++) answers.push((await sign(host, { key: 'ed' })).error);
    expect(answers).toEqual([undefined, undefined, 'LIMIT']);
  });

  it('ends with the call that asks', async () => {
    const signal = AbortSignal.abort();
    const question = {
      service: 's',
      capability: 'key',
      fields: { op: 'dkim-sign', key: 'rsa' },
      subject: about(imageFor(MESSAGE)),
      signal,
    } as const;
    expect(await ask(hostOf(), question)).toMatchObject({ error: 'UNAVAILABLE' });
  });
});
