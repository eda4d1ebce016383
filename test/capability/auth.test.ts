import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spoolOf } from '../../src/base/spool.ts';
import { imageOf, type MessageImage } from '../../src/mail/image.ts';
import type { CallSubject, CapabilityHost } from '../../src/ocp/capability.ts';
import type { Facts } from '../../src/ocp/facts.ts';
import { Authentication } from '../../src/sandbox/capabilities/authentication.ts';
import { authPart } from '../../src/sandbox/capabilities/auth.ts';
import { HeldKeys } from '../../src/sandbox/capabilities/held-keys.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { arcSealer } from '../../src/sandbox/capabilities/key-arc.ts';
import { dkimSigner } from '../../src/sandbox/capabilities/key-dkim.ts';
import { keyPart } from '../../src/sandbox/capabilities/key.ts';
import { LibraryThreads } from '../../src/sandbox/capabilities/library-threads.ts';
import { createResolver, type Resolver } from '../../src/sandbox/capabilities/resolver.ts';
import { lacks } from '../interop/support/servers.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { startUnbound, type Unbound } from '../support/unbound.ts';
import { ask, type Heard } from './asking.ts';
import { dkimpySeals, dkimpySigns, dkimpyVerifiesArc, opendkimSigns } from './other-dkim.ts';

/** What the host finds of messages that OpenDKIM and dkimpy have signed, by the names of an unbound on loopback. */
const directory = mkdtempSync(join(tmpdir(), 'postern-auth-'));
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
const weak = generateKeyPairSync('rsa', { modulusLength: 512 });
const pem = rsa.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString();
const keyFile = join(directory, 'rsa.pem');
writeFileSync(keyFile, pem, { mode: 0o600 });
const edSeed = ed25519.privateKey.export({ type: 'pkcs8', format: 'der' }).subarray(16).toString('base64');

const publicOf = (pair: { publicKey: typeof rsa.publicKey }): string =>
  pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
const RSA = `v=DKIM1; k=rsa; p=${publicOf(rsa)}`;
const RECORDS = {
  rsa: RSA,
  ed: `v=DKIM1; k=ed25519; p=${ed25519.publicKey.export({ type: 'spki', format: 'der' }).subarray(12).toString('base64')}`,
};

/** A TXT record in the strings of at most 255 octets that it has to be in. */
const txt = (name: string, text: string): string =>
  `${name}. 300 IN TXT ${text
    .match(/.{1,200}/g)!
    .map((part) => `"${part}"`)
    .join(' ')}`;

const chain = (count: number): string[] =>
  Array.from({ length: count }, (_, i) =>
    txt(
      `spf${i}.chain.test`,
      i === count - 1 ? 'v=spf1 ip4:192.0.2.7 -all' : `v=spf1 include:spf${i + 1}.chain.test -all`,
    ),
  );

const missing = lacks('unbound', 'opendkim', 'dkimverify');

let unbound: Unbound;
let asked: string[] = [];
let resolver: Resolver;
const threads = new LibraryThreads();

beforeAll(async () => {
  if (missing !== '') return;
  unbound = await startUnbound({
    zones: ['com', 'net', 'org', 'chain.test', 'gov.test'],
    silent: ['silent.test'],
    records: [
      txt('rsa._domainkey.example.com', RSA),
      txt('ed._domainkey.example.com', RECORDS.ed),
      txt('weak._domainkey.example.com', `v=DKIM1; p=${publicOf(weak)}`),
      txt('revoked._domainkey.example.com', 'v=DKIM1; p='),
      txt('rsa._domainkey.sub.example.com', RSA),
      txt('example.com', 'v=spf1 ip4:192.0.2.0/24 -all'),
      txt('_dmarc.example.com', 'v=DMARC1; p=reject; sp=quarantine; np=reject'),
      'there.example.com. 300 IN A 192.0.2.99',
      txt('example.net', 'v=spf1 ip4:198.51.100.1 ~all'),
      txt('_dmarc.example.net', 'v=DMARC1; p=quarantine; adkim=s; aspf=s; pct=0'),
      txt('bounces.example.net', 'v=spf1 ip4:192.0.2.7 -all'),
      txt('_dmarc.example.org', 'v=DMARC1; p=reject; t=y'),
      txt('void.example.org', 'v=spf1 a:no1.example.org a:no2.example.org a:no3.example.org -all'),
      txt('slow.example.org', 'v=spf1 include:x.silent.test -all'),
      txt('_dmarc.gov.test', 'v=DMARC1; p=reject; psd=y; np=reject; sp=none'),
      txt('gov.test', 'v=spf1 ip4:192.0.2.7 -all'),
      ...chain(12),
    ],
  });
  const real = createResolver({ servers: [{ address: '127.0.0.1', port: unbound.port }], timeoutMs: 1000 });
  resolver = {
    resolve(question, options) {
      asked.push(`${question.type} ${question.name}`);
      return real.resolve(question, options);
    },
  };
});

afterAll(async () => {
  await threads.close();
  await unbound?.end();
  rmSync(directory, { recursive: true });
});

function hostOf(log = new RecordingLog()): CapabilityHost {
  const authentication = new Authentication({ resolver, threads });
  const held = { type: 'dkim', file: keyFile, domain: 'example.com', selector: 'rsa' } as const;
  return createCapabilityHost({
    services: [
      { name: 's', grants: { auth: true, key: { keys: ['rsa'], operationsPerMinute: 1000 } } },
      { name: 'second', grants: { auth: true } },
      { name: 'without', grants: {} },
    ],
    parts: {
      auth: authPart(authentication),
      key: keyPart({
        keys: new HeldKeys([{ ...held, name: 'rsa' }]),
        operations: { 'dkim-sign': dkimSigner(threads), 'arc-seal': arcSealer({ threads, authentication }) },
      }),
    },
    log,
  });
}

const message = (options: { from?: string; body?: string; more?: string[] } = {}): string => {
  const { from = 'Ann <ann@example.com>', body = 'Hello  there \r\n\r\n', more = [] } = options;
  return [
    ...more,
    `From: ${from}`,
    'To: bob@example.org',
    'Subject:  one\tà two',
    'Date: Mon, 1 Jan 2024 00:00:00 +0000',
    '',
    body,
  ].join('\r\n');
};

const imageFor = (text: string): MessageImage => imageOf(spoolOf(Buffer.from(text, 'latin1')).handle);

function subject(options: {
  text?: string;
  image?: MessageImage;
  address?: string;
  sender?: string;
  helo?: string;
  protocol?: Facts['listener']['protocol'];
}): CallSubject {
  const { text, image = text === undefined ? undefined : imageFor(text), address = '203.0.113.9' } = options;
  const { sender = 'ann@example.com', helo = 'mail.example.com', protocol = 'smtp' } = options;
  return {
    facts: {
      stage: image === undefined ? 'mail' : 'message',
      session: `s${Math.random()}`,
      service: '',
      listener: { name: 'in', protocol },
      client: { address, port: 40312, helo: { verb: 'EHLO', name: helo } },
      sender: { address: sender, params: {} },
    },
    ...(image && { image }),
  };
}

const results = async (
  options: Parameters<typeof subject>[0],
  { host = hostOf(), service = 's' }: { host?: CapabilityHost; service?: string } = {},
): Promise<Heard> => ask(host, { service, capability: 'auth', fields: {}, subject: subject(options) });

const said = async (options: Parameters<typeof subject>[0]): Promise<Heard['said']> =>
  (await results(options)).said;

describe.skipIf(missing !== '')(`DKIM${missing}`, () => {
  const signed = (text: string, options = ''): Promise<string> =>
    dkimpySigns(text, { pem, selector: 'rsa', options });

  it('holds for what OpenDKIM has signed', async () => {
    const text = await opendkimSigns(message(), { file: keyFile, selector: 'rsa', directory });
    expect(await said({ text })).toMatchObject({
      dkim: [{ result: 'pass', domain: 'example.com', selector: 'rsa' }],
    });
  });

  it.each([
    ['relaxed', 'relaxed'],
    ['relaxed', 'simple'],
    ['simple', 'relaxed'],
    ['simple', 'simple'],
  ])('holds for what dkimpy has signed, %s/%s', async (header, body) => {
    const text = await signed(message(), `canonicalize=(b'${header}', b'${body}')`);
    expect(await said({ text })).toMatchObject({ dkim: [{ result: 'pass' }] });
    const changed = text.replace('Hello', 'Hullo');
    expect(await said({ text: changed })).toMatchObject({
      dkim: [{ result: 'fail', reason: 'the body was changed' }],
    });
    const other = text.replace('one\t', 'two\t');
    expect(await said({ text: other })).toMatchObject({
      dkim: [{ result: 'fail', reason: 'the signature does not fit the header' }],
    });
  });

  it('holds by Ed25519 (RFC 8463)', async () => {
    const text = await dkimpySigns(message(), {
      pem: edSeed,
      selector: 'ed',
      options: `signature_algorithm=b'ed25519-sha256'`,
    });
    expect(await said({ text })).toMatchObject({ dkim: [{ result: 'pass', selector: 'ed' }] });
  });

  it('holds for an empty body, and for one that does not end its last line', async () => {
    for (const body of ['', '\r\n\r\n', ' \r\n', 'no end']) {
      for (const how of ['relaxed', 'simple']) {
        const text = await signed(message({ body }), `canonicalize=(b'${how}', b'${how}')`);
        expect([body, how, await said({ text })]).toMatchObject([body, how, { dkim: [{ result: 'pass' }] }]);
      }
    }
  });

  it('needs a key that is there, good, and not taken back', async () => {
    const of = async (selector: string): Promise<unknown> =>
      (await said({ text: await dkimpySigns(message(), { pem, selector }) }))!['dkim'];
    expect(await of('missing')).toMatchObject([{ result: 'permerror', reason: 'there is no key' }]);
    expect(await of('revoked')).toMatchObject([{ result: 'permerror', reason: 'its key is revoked' }]);
    expect(await of('weak')).toMatchObject([
      { result: 'policy', reason: 'its key has 512 bits, at least 1024 are needed' },
    ]);
    expect(await of('ed')).toMatchObject([{ result: 'permerror', reason: 'its key is of another type' }]);
  });

  it('does not take a signature that leaves octets unsigned, has expired, or does not sign From', async () => {
    const partly = await signed(message(), 'length=True');
    expect(await said({ text: partly })).toMatchObject({ dkim: [{ result: 'pass' }] });
    expect(await said({ text: `${partly}more\r\n` })).toMatchObject({
      dkim: [{ result: 'policy', reason: '8 octets of the body are not signed' }],
    });
    // Nor is it worth a pass over the body to know whether the others are as they were.
    const other = `${partly.replace('Hello', 'Hullo')}more\r\n`;
    expect(await said({ text: other })).toMatchObject({ dkim: [{ result: 'policy' }] });
    // What is claimed is read before it is verified.
    const text = await signed(message());
    const claims = (from: RegExp, to: string): Promise<unknown> => said({ text: text.replace(from, to) });
    expect(await claims(/ t=\d+;/, ' t=1; x=2;')).toMatchObject({
      dkim: [{ result: 'fail', reason: 'it has expired' }],
    });
    expect(await claims(/ h=[^;]*;/, ' h=To;')).toMatchObject({
      dkim: [{ result: 'permerror', reason: 'From is not signed' }],
    });
    expect(await claims(/q=dns\/txt;/, 'q=dns/other;')).toMatchObject({
      dkim: [{ result: 'permerror', reason: 'its key is not in the DNS' }],
    });
    expect(await claims(/a=rsa-sha256/, 'a=rsa-sha1')).toMatchObject({ dkim: [{ result: 'policy' }] });
    expect(await claims(/v=1;/, 'v=2;')).toMatchObject({
      dkim: [{ result: 'permerror', reason: 'its version is not 1' }],
    });
    expect(await claims(/ i=@example.com;/, ' i=@example.net;')).toMatchObject({
      dkim: [{ result: 'permerror', reason: 'its i= is not in its domain' }],
    });
    expect(await claims(/ d=example.com;/, ' d=x y\0;')).toMatchObject({
      dkim: [{ result: 'permerror', domain: '' }],
    });
  });

  it('looks at ten signatures', async () => {
    const text = 'DKIM-Signature: v=1; nonsense\r\n'.repeat(300) + (await signed(message()));
    expect((await said({ text }))!['dkim']).toHaveLength(10);
  });

  it('is a temperror if the DNS does not answer', async () => {
    const text = (await signed(message())).replaceAll(/([di]=@?)example\.com;/g, '$1silent.test;');
    const found = await said({ text, address: '192.0.2.200', sender: 'x@nowhere.example.com' });
    expect(found).toMatchObject({ dkim: [{ result: 'temperror' }], dmarc: { result: 'temperror' } });
    // It goes into the header of mail: which servers we ask is nobody's business.
    expect(JSON.stringify(found)).not.toContain('127.0.0.1');
  });
});

describe.skipIf(missing !== '')(`SPF${missing}`, () => {
  const spf = async (options: Parameters<typeof subject>[0]): Promise<unknown> =>
    (await said(options))!['spf'];

  it('judges the client for the sender, before there is a message', async () => {
    expect(await said({ address: '192.0.2.7' })).toEqual({
      spf: { result: 'pass', identity: 'mailfrom', domain: 'example.com' },
      texts: ['spf=pass smtp.mailfrom=example.com'],
    });
    expect(await spf({ address: '203.0.113.9' })).toMatchObject({ result: 'fail' });
    expect(await spf({ sender: 'x@example.net' })).toMatchObject({ result: 'softfail' });
    expect(await spf({ sender: 'x@there.example.com' })).toMatchObject({ result: 'none' });
    expect(await spf({ address: '192.0.2.7', sender: '', helo: 'example.com' })).toEqual({
      result: 'pass',
      identity: 'helo',
      domain: 'example.com',
    });
    expect(await spf({ address: '2001:db8::7' })).toMatchObject({ result: 'fail' });
    expect(await spf({ address: '192.0.2.7', sender: '', helo: '[192.0.2.7]' })).toMatchObject({
      result: 'none',
    });
  });

  it('takes ten look-ups and two void ones', async () => {
    expect(await spf({ address: '192.0.2.7', sender: 'x@spf1.chain.test' })).toMatchObject({
      result: 'pass',
    });
    expect(await spf({ address: '192.0.2.7', sender: 'x@spf0.chain.test' })).toMatchObject({
      result: 'permerror',
      reason: 'Too many DNS requests',
    });
    expect(await spf({ sender: 'x@void.example.org' })).toMatchObject({
      result: 'permerror',
      reason: 'Too many void DNS results',
    });
  });

  it('is a temperror if the DNS does not answer', async () => {
    expect(await spf({ sender: 'x@slow.example.org' })).toMatchObject({ result: 'temperror' });
    expect(await spf({ sender: 'x@silent.test' })).toMatchObject({ result: 'temperror' });
  });

  it('says nothing of an LMTP client, which is a server of ours, and DMARC no more than signatures do', async () => {
    const text = message();
    expect(await said({ text, protocol: 'lmtp' })).toMatchObject({
      spf: { result: 'none' },
      dmarc: { result: 'none' },
    });
    const signed = await dkimpySigns(text, { pem, selector: 'rsa' });
    expect(await said({ text: signed, protocol: 'lmtp' })).toMatchObject({ dmarc: { result: 'pass' } });
  });
});

describe.skipIf(missing !== '')(`DMARC${missing}`, () => {
  const dmarc = async (options: Parameters<typeof subject>[0]): Promise<unknown> =>
    (await said(options))!['dmarc'];
  const from = (address: string): string => message({ from: address });
  const good = '192.0.2.7';

  it('passes by what is aligned, and tells the policy', async () => {
    expect(await dmarc({ text: from('a@example.com'), address: good })).toEqual({
      result: 'pass',
      domain: 'example.com',
      policy: 'reject',
    });
    expect(await dmarc({ text: from('a@example.com') })).toMatchObject({ result: 'fail', policy: 'reject' });
    // Below the organization, and from below it.
    expect(await dmarc({ text: from('a@there.example.com'), address: good })).toMatchObject({
      result: 'pass',
      policy: 'quarantine',
    });
    expect(await dmarc({ text: from('a@there.example.com') })).toMatchObject({
      result: 'fail',
      policy: 'quarantine',
    });
    expect(await dmarc({ text: from('a@nowhere.example.com') })).toMatchObject({
      result: 'fail',
      policy: 'reject',
    });
    expect(
      await dmarc({ text: from('a@example.org'), sender: 'x@example.com', address: good }),
    ).toMatchObject({ result: 'fail', policy: 'quarantine' });
    expect(await dmarc({ text: from('a@unknown.org'), address: good })).toMatchObject({
      result: 'none',
      policy: 'none',
    });
  });

  it('is strict where the domain says so, and knows no pct', async () => {
    const of = { address: good, sender: 'x@bounces.example.net' };
    expect(await said({ ...of, text: from('a@example.net') })).toMatchObject({
      spf: { result: 'pass' },
      dmarc: { result: 'fail', policy: 'quarantine' },
    });
  });

  it('does not take a suffix for an organization (psd=y)', async () => {
    const of = { address: good, sender: 'x@gov.test' };
    expect(await dmarc({ ...of, text: from('a@agency.gov.test') })).toMatchObject({
      result: 'fail',
      policy: 'reject',
    });
  });

  it('has no author where there are two, or none', async () => {
    const two = message({ more: ['From: evil@example.net'] });
    expect(await dmarc({ text: two, address: good })).toMatchObject({
      result: 'permerror',
      reason: 'it has 2 From fields',
    });
    expect(await dmarc({ text: from('a@example.com, b@example.net'), address: good })).toMatchObject({
      result: 'permerror',
    });
    expect(await dmarc({ text: from('nobody'), address: good })).toMatchObject({ result: 'permerror' });
    for (const value of [
      'boss@example.org <a@example.com>',
      'boss@example.org@example.com',
      '<a@example.com> <boss@example.org>',
      'a@example.com, b@example.com',
      'a@example.com.',
    ]) {
      expect(await dmarc({ text: from(value), address: good })).toMatchObject({
        result: 'permerror',
        reason: expect.stringMatching(/^its From field is malformed: /),
        domain: '',
      });
    }
    const shown = from('"boss@example.org" <a@example.com>');
    expect(await dmarc({ text: shown, address: good })).toMatchObject({
      result: 'pass',
      domain: 'example.com',
    });
  });
});

describe.skipIf(missing !== '')(`ARC${missing}`, () => {
  const AUTHSERV = 'mx.example.com';
  const seal = async (text: string, authservId = AUTHSERV): Promise<Heard> =>
    ask(hostOf(), {
      service: 's',
      capability: 'key',
      fields: {
        op: 'arc-seal',
        key: 'rsa',
        authservId,
        results: ['spf=pass smtp.mailfrom=example.com', 'dkim=none'],
      },
      subject: subject({ text }),
    });

  it('seals a chain of two that dkimpy takes, and takes one of dkimpy', async () => {
    const first = message();
    const one = await seal(first);
    expect(one.said).toEqual({ domain: 'example.com', selector: 'rsa', sealed: true });
    const sealed = one.body! + first;
    expect(await dkimpyVerifiesArc(sealed, RECORDS)).toMatch(/^pass 1 /);
    const judged = `Authentication-Results: ${AUTHSERV}; arc=pass\r\n${sealed}`;
    const twice = await dkimpySeals(judged, { pem, selector: 'rsa', authservId: AUTHSERV });
    expect(await said({ text: twice })).toMatchObject({
      arc: { result: 'pass', instance: 2, sealers: ['example.com', 'example.com'] },
      texts: expect.arrayContaining(['arc=pass (i=2) arc.chain="example.com:example.com"']),
    });
    const three = await seal(twice);
    expect(await dkimpyVerifiesArc(three.body! + twice, RECORDS)).toMatch(/^pass 3 /);
    expect(await said({ text: three.body! + twice })).toMatchObject({ arc: { result: 'pass', instance: 3 } });
  });

  it.each([
    'mx.example.com; dmarc=pass header.from=bank.example',
    'mx.example.com (checked)',
    '"mx.example.com',
    '[2001:db8::1]',
    'mx.example.com\r\nX-Spam: no',
    '',
  ])('is not sealed in the name of %j, which is no authserv-id', async (authservId) => {
    expect(await seal(message(), authservId)).toMatchObject({ error: 'INVALID' });
  });

  it('is sealed in a name that is quoted as it has to be', async () => {
    const text = message();
    const { body } = await seal(text, '"our gate; the second"');
    expect(body).toContain('i=1; "our gate; the second";\r\n');
    expect(await dkimpyVerifiesArc(body! + text, RECORDS)).toMatch(/^pass 1 /);
  });

  it('fails for good where a hop does not hold', async () => {
    const first = message();
    const sealed = (await seal(first)).body! + first;
    const broken = sealed.replace('dkim=none', 'dkim=pass');
    expect(await said({ text: broken })).toMatchObject({
      arc: { result: 'fail', reason: 'seal 1: it does not fit the chain', sealers: [] },
    });
    const after = await seal(broken);
    expect(after.body).toContain('cv=fail');
    const failed = after.body! + broken;
    expect(await said({ text: failed })).toMatchObject({ arc: { result: 'fail', instance: 2 } });
    // Nothing is added to a chain that says of itself that it failed.
    expect(await seal(failed)).toMatchObject({ said: { sealed: false }, body: '' });
  });

  it('does not believe what the plugin would say of the chain', async () => {
    const text = message({ more: ['ARC-Seal: i=1; a=rsa-sha256; cv=none; d=example.com; s=rsa; b=AAAA'] });
    expect(await said({ text })).toMatchObject({
      arc: { result: 'fail', reason: 'instance 1 is not whole' },
    });
    expect((await seal(text)).body).toContain('i=2; a=rsa-sha256; cv=fail');
  });
});

describe.skipIf(missing !== '')(`the capability${missing}`, () => {
  it('is worked out once for all services, as the message came', async () => {
    const host = hostOf();
    const text = await dkimpySigns(message(), { pem, selector: 'rsa' });
    const image = imageFor(text);
    const first = subject({ image, address: '192.0.2.7' });
    asked = [];
    const said = await ask(host, { service: 's', capability: 'auth', fields: {}, subject: first });
    expect(asked.filter((one) => one === 'TXT rsa._domainkey.example.com')).toHaveLength(1);
    const count = asked.length;
    // What a service has made of it since does not matter.
    const changed: MessageImage = {
      spool: image.spool,
      pieces: [{ from: 'added', bytes: Buffer.from('x') }],
      size: 1,
    };
    const again = await ask(host, {
      service: 'second',
      capability: 'auth',
      fields: {},
      subject: { ...first, image: changed },
    });
    expect(again).toEqual(said);
    expect(asked).toHaveLength(count);
    expect(said.said).toMatchObject({
      spf: { result: 'pass' },
      dkim: [{ result: 'pass' }],
      dmarc: { result: 'pass' },
      texts: [
        'spf=pass smtp.mailfrom=example.com',
        'dkim=pass header.d=example.com header.s=rsa',
        'arc=none',
        'dmarc=pass header.from=example.com policy.dmarc=reject',
      ],
    });
  });

  it('needs the grant, a sender, and a request without more', async () => {
    expect(await results({}, { service: 'without' })).toMatchObject({ error: 'DENIED' });
    const { sender: _sender, ...facts } = subject({}).facts;
    expect(
      await ask(hostOf(), { service: 's', capability: 'auth', fields: {}, subject: { facts } }),
    ).toMatchObject({ error: 'DENIED' });
    expect(
      await ask(hostOf(), { service: 's', capability: 'auth', fields: { a: 1 }, subject: subject({}) }),
    ).toMatchObject({ error: 'INVALID' });
  });

  it('is out of order, and says so, where the message can not be read', async () => {
    const image: MessageImage = imageOf({ kind: 'file', path: join(directory, 'gone'), size: 100 });
    expect(await results({ image })).toMatchObject({ error: 'UNAVAILABLE' });
  });

  it.each([
    ['a header of one endless field', `X: ${'a\r\n '.repeat(300_000)}\r\n`],
    ['many fields', 'ARC-Seal: i=1; a=b\r\n'.repeat(9000)],
    ['fields of nothing but semicolons', `DKIM-Signature: ${';'.repeat(60_000)}\r\n`.repeat(10)],
    ['many addresses', `From: ${'a@example.com, '.repeat(3000)}b@example.com\r\n`],
  ])('gets through %s', async (_, field) => {
    expect((await said({ text: field + message() }))!['dmarc']).toBeDefined();
  });
});
