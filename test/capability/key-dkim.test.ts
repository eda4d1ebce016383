import { execFile } from 'node:child_process';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { spoolOf } from '../../src/base/spool.ts';
import { imageOf, type MessageImage } from '../../src/mail/image.ts';
import type { CallSubject, CapabilityHost, KeyGrant } from '../../src/ocp/capability.ts';
import type { HeldKey } from '../../src/ocp/held-key.ts';
import { HeldKeys } from '../../src/sandbox/capabilities/held-keys.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { dkimSigner } from '../../src/sandbox/capabilities/key-dkim.ts';
import { keyPart } from '../../src/sandbox/capabilities/key.ts';
import { LibraryThreads } from '../../src/sandbox/capabilities/library-threads.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { ask, type Heard } from './asking.ts';

/** `dkim-sign`, judged by OpenDKIM and by dkimpy. */
const directory = mkdtempSync(join(tmpdir(), 'postern-dkim-'));
const threads = new LibraryThreads();

afterAll(async () => {
  await threads.close();
  rmSync(directory, { recursive: true });
});

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');

function held(name: string, pair: { privateKey: KeyObject }): HeldKey {
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

const imageFor = (text: string): MessageImage => imageOf(spoolOf(Buffer.from(text)).handle);

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

/** What dkimpy says of a message, with these records as its whole DNS. */
async function dkimpy(message: string): Promise<string> {
  const script = `
import sys, json, dkim
records = json.loads(sys.argv[1])
def txt(name, timeout=5):
    return records.get(name.decode().split('.')[0], '').encode() or None
d = dkim.DKIM(sys.stdin.buffer.read())
try:
    print('pass' if d.verify(dnsfunc=txt) else 'fail')
except Exception as e:
    print('error', e)
`;
  return run('/usr/bin/python3', ['-c', script, JSON.stringify(records)], message);
}

/** What OpenDKIM says of a message, with these records as its whole DNS. */
async function opendkim(message: string): Promise<string> {
  const file = join(directory, 'message.eml');
  writeFileSync(file, message, 'latin1');
  const key = join(directory, 'opendkim-keys');
  writeFileSync(key, `rsa._domainkey.example.com ${records.rsa}\n`);
  const config = join(directory, 'opendkim.conf');
  writeFileSync(
    config,
    `TestPublicKeys ${key}\nMode v\nSyslog no\nUserID root\nSocket local:${directory}/s\n`,
  );
  return run('/usr/sbin/opendkim', ['-f', '-x', config, '-t', file, '-vv']);
}

function run(program: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error !== null && error.code === undefined) reject(error);
      else resolve(`${stdout}${stderr}`.trim());
    });
    child.stdin!.end(Buffer.from(input, 'latin1'));
  });
}

describe('a signature', () => {
  it.each(['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'])(
    '%s holds',
    async (how) => {
      const { said, body } = await sign(hostOf(), { key: 'rsa', canonicalization: how });
      expect(said).toEqual({ domain: 'example.com', selector: 'rsa' });
      expect(body).toMatch(/^DKIM-Signature: v=1; a=rsa-sha256; .*\r\n$/s);
      expect(await dkimpy(body! + MESSAGE)).toBe('pass');
      expect(await dkimpy(body! + MESSAGE.replace('end', 'And'))).toMatch(/^error body hash mismatch/);
    },
  );

  // As a milter it is not shown white space after a colon, so there is no simple header for it.
  it.each(['relaxed/relaxed', 'relaxed/simple'])('%s holds for OpenDKIM', async (how) => {
    const { body } = await sign(hostOf(), { key: 'rsa', canonicalization: how });
    expect(await opendkim(body! + MESSAGE)).toContain('dkim=pass (2048-bit key)');
    expect(await opendkim(body! + MESSAGE.replace('end', 'And'))).toContain('dkim=fail');
  });
});
