import { createHash, generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateKey } from 'openpgp';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { capabilitiesOf, NO_SETTINGS, type Capabilities } from '../../src/cli/capabilities.ts';
import type { CapabilityAnswer, CapabilityHost, Grants } from '../../src/ocp/capability.ts';
import type { Service, ServiceOutcome } from '../../src/ocp/service.ts';
import { openBlobFiles, type BlobFiles } from '../../src/store/blob-files.ts';
import { openSqliteStore, type SqliteStore } from '../../src/store/sqlite-store.ts';
import { factsOf, imageOfText, serviceOf, startBench, textOf } from '../abi/wat.ts';
import { ask, httpServer, type Local } from '../capability/asking.ts';
import { EICAR, MARK, startClamd, type Clamd } from '../interop/support/clamd.ts';
import { lacks } from '../interop/support/servers.ts';
import { startUnbound, type Unbound } from '../support/unbound.ts';
import { LANGUAGES, moduleOf, skipped, withoutPlace, type Language } from './language.ts';

// A compiler may have to compile its library first.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 60_000 });

/**
 * One filter in each language that looks names and keys up, authenticates, scans, signs, encrypts, puts files and gives notice, over the
 * program's own capabilities and real servers behind them: all ask in the same octets, and come to the same outcomes.
 */
const [reference, ...others] = LANGUAGES;
const missing = lacks('unbound', 'clamd');

const ZONE = [
  'example.test. 300 IN A 192.0.2.1',
  'example.test. 300 IN A 192.0.2.2',
  'example.test. 200 IN MX 10 mx.example.test.',
  'example.test. 100 IN TXT "v=spf1 ip4:192.0.2.7 " "-all"',
  'example.test. 100 IN TXT "caf\\195\\169"',
  '_dmarc.example.test. 100 IN TXT "v=DMARC1; p=reject"',
  '7.2.0.192.in-addr.arpa. 300 IN PTR mail.example.net.',
  '7.2.0.192.list.test. 30 IN A 127.0.0.2',
];
const MESSAGE = [
  'From: Ann <ann@example.test>',
  'Subject: hello',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/plain',
  '',
  'Hi.',
  '--b',
  'Content-Type: application/octet-stream; name=eicar.com',
  'Content-Transfer-Encoding: base64',
  '',
  Buffer.from(EICAR).toString('base64'),
  '--b--',
  '',
].join('\r\n');
const CSV = [
  'mail,store,alias',
  'ann@example.com,paris,one',
  'ann@example.com,oslo,"two ""ä"""',
  'eve@example.com,rome,',
].join('\n');

/** What the host could answer: a line ends where the first 64 KiB of the content do. */
const BORDER_HEAD = 'Content-Type: text/plain\r\n\r\n';
const BORDER = `${BORDER_HEAD}${'x'.repeat(65_535 - BORDER_HEAD.length)}\r\nend\r\n`;
const BORDER_ANSWER: CapabilityAnswer = { kind: 'answer', octets: Buffer.from(`{"layers":[]}\n${BORDER}`) };

const grantsOf = (url: string): Grants => ({
  auth: true,
  blob: { blobs: 100, bytes: 1_000_000, blobBytes: 100_000, longestMs: 3_600_000, putsPerMinute: 1000 },
  directory: { tables: ['staff'], requestsPerMinute: 1000 },
  dns: {
    names: ['example.test', '*.example.test', '*.list.test', '*.in-addr.arpa', 'silent.test'],
    queriesPerMinute: 1000,
    queriesPerCall: 100,
    timeoutMs: 1000,
  },
  http: {
    targets: [url],
    allowPrivate: false,
    requestsPerMinute: 1000,
    timeoutMs: 5000,
    responseBytes: 1000,
    secrets: [],
  },
  key: { keys: ['ours', 'sending', 'receiving', 'partners'], operationsPerMinute: 1000 },
  notify: { to: ['sender', 'postmaster'], perHour: 1000, incidents: true },
  scan: { scanner: 'clamd', requestsPerMinute: 1000, bytesPerMinute: 100_000_000 },
});
const TASKS = [
  'dns',
  'directory',
  'auth',
  'scan',
  'sign',
  'notify',
  'post',
  'blob',
  'remove',
  'protect',
  'open',
  'border',
  'stale',
  'refused',
  'granted',
  'to',
  'event',
  'outage',
] as const;
/** No two answers to these are alike: all languages get those of the first. */
const UNLIKE = new Set(['blob', 'protect']);
const TYPES = [
  'a/b',
  'a/b/c',
  'a',
  '/a',
  'a/',
  '.a/b',
  'a/b.c',
  'A/b',
  'a/b c',
  'ä/b',
  `${'a'.repeat(63)}/1`,
  `${'a'.repeat(64)}/1`,
];
const servicesFor = (url: string): readonly Service[] =>
  TASKS.flatMap((task) => {
    const settings = { task, url, types: TYPES, virus: `a ${MARK} b` };
    return [
      serviceOf(task, { plugin: 'filter', settings, grants: grantsOf(url) }),
      serviceOf(`${task}, not granted`, { plugin: 'filter', settings }),
    ];
  });

let directory: string;
let unbound: Unbound;
let clamd: Clamd;
let server: Local;
let services: readonly Service[];
let store: SqliteStore;
let files: BlobFiles;
let capabilities: Capabilities;
/** Signed and sealed by the capability itself. */
let message: string;
/** Signed and encrypted by it. */
let sealed: string;

beforeAll(async () => {
  if (missing !== '') return;
  directory = mkdtempSync(join(tmpdir(), 'postern-sdk-outside-'));
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keyFile = join(directory, 'key.pem');
  writeFileSync(keyFile, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const published = pair.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  const strings = `v=DKIM1; k=rsa; p=${published}`.match(/.{1,200}/g)!.map((part) => `"${part}"`);
  unbound = await startUnbound({
    zones: ['example.test', 'list.test', 'in-addr.arpa'],
    silent: ['silent.test'],
    records: [...ZONE, `s1._domainkey.example.test. 300 IN TXT ${strings.join(' ')}`],
  });
  clamd = await startClamd({ directory });
  server = await httpServer((request, response) => {
    const digest = createHash('sha256');
    request.on('data', (chunk: Buffer) => digest.update(chunk));
    request.on('end', () =>
      response.end([request.method, request.url, request.headers['x-test'], digest.digest('hex')].join(' ')),
    );
  });
  services = servicesFor(`http://127.0.0.1:${server.port}`);
  const table = join(directory, 'staff.csv');
  writeFileSync(table, CSV);
  const partners = join(directory, 'partners');
  mkdirSync(partners);
  const armored = async (name: string, email: string): Promise<string> => {
    const { privateKey, publicKey } = await generateKey({ userIDs: [{ email }], format: 'armored' });
    writeFileSync(join(partners, `${email}.asc`), publicKey);
    const file = join(directory, `${name}.asc`);
    writeFileSync(file, privateKey, { mode: 0o600 });
    return file;
  };
  const sending = await armored('sending', 'ann@example.test');
  const receiving = await armored('receiving', 'ann@example.com');
  store = await openSqliteStore({ path: join(directory, 'store.db'), role: 'server', log: silentLog });
  files = await openBlobFiles({
    directory: join(directory, 'blobs'),
    index: store.blobIndex,
    log: silentLog,
  });
  const host = '127.0.0.1';
  capabilities = capabilitiesOf(services, {
    log: silentLog,
    keyValues: store.keyValues,
    blobs: files,
    settings: {
      ...NO_SETTINGS,
      directories: [
        { type: 'csv', name: 'staff', file: table, key: 'mail', maxRows: 10, cacheMs: 0, timeoutMs: 5000 },
      ],
      keys: [
        { type: 'dkim', name: 'ours', file: keyFile, domain: 'example.test', selector: 's1' },
        { type: 'openpgp', name: 'sending', file: sending, addresses: ['ann@example.test'] },
        { type: 'openpgp', name: 'receiving', file: receiving, addresses: ['ann@example.com'] },
        { type: 'openpgp-partners', name: 'partners', directory: partners },
      ],
      web: {
        address: host,
        port: 0,
        publicUrl: 'https://files.example.test',
        connections: 10,
        requestsPerMinute: 10,
      },
      resolver: { servers: [{ address: host, port: unbound.port }], timeoutMs: 2000 },
      scanners: [
        { name: 'clamd', endpoint: { host, port: clamd.port }, timeoutMs: 10_000, maxBytes: 1_000_000 },
      ],
    },
  });
  message = MESSAGE;
  const facts = factsOf('message', { sender: { address: 'ann@example.test', params: {} } });
  for (const fields of [
    { op: 'dkim-sign', key: 'ours' },
    { op: 'arc-seal', key: 'ours', authservId: 'lists.example.test', results: ['spf=pass'] },
  ]) {
    const subject = { facts, image: imageOfText(message) };
    const said = await ask(capabilities, { service: 'sign', capability: 'key', fields, subject });
    message = `${said.body}${message}`;
  }
  const fields = { op: 'openpgp-protect', sign: true, encrypt: ['ann@example.com'] };
  const subject = { facts, image: imageOfText(MESSAGE) };
  const { body } = await ask(capabilities, { service: 'protect', capability: 'key', fields, subject });
  sealed = `From: Ann <ann@example.test>\r\nMIME-Version: 1.0\r\n${body}`;
});

afterAll(async () => {
  if (missing !== '') return;
  await capabilities.close();
  await files.close();
  await store.close();
  await clamd.stop();
  await server.close();
  await unbound.end();
  rmSync(directory, { recursive: true });
});

type Seen = Pick<ServiceOutcome, 'result' | 'logs' | 'modified' | 'notifications'> & {
  /** The message afterwards. */
  readonly text: string;
  /** Each request, its capability first; octets as latin1. */
  readonly asked: readonly string[];
};

/** What the capabilities have answered the services whose answers are unlike, request by request. */
const answered = new Map<string, CapabilityAnswer[]>();

/** What a filter asks, and what becomes of each task. */
async function seen(language: Language): Promise<Readonly<Record<string, Seen>>> {
  const requests: string[] = [];
  const recorded: CapabilityHost = {
    async call(request) {
      const { service, capability } = request;
      const earlier = answered.get(service) ?? [];
      const before = UNLIKE.has(service) ? earlier[requests.length] : undefined;
      requests.push(`${capability} ${Buffer.from(request.octets).toString('latin1')}`);
      if (service === 'border') return BORDER_ANSWER;
      const answer = before ?? (await capabilities.call(request));
      if (before === undefined) answered.set(service, [...earlier, answer]);
      return answer;
    },
  };
  const bench = await startBench({
    folder: new URL('./', import.meta.url),
    services,
    files: { filter: await moduleOf(language, 'outside/filter') },
    capabilities: recorded,
  });
  try {
    expect(bench.problems).toEqual([]);
    const found: Record<string, Seen> = {};
    for (const { name } of services) {
      requests.length = 0;
      const done = await bench.sandbox.run({
        stage: 'message',
        services: [name],
        facts: factsOf('message', { sender: { address: 'ann@example.test', params: {} } }),
        state: {},
        image: imageOfText(/^(?:open|stale)/.test(name) ? sealed : message),
      });
      const { result, logs, modified, notifications } = done.outcomes[0]!;
      const cause = result.kind === 'failure' ? { cause: withoutPlace(result.cause) } : {};
      found[name] = {
        result: { ...result, ...cause },
        logs: logs.map((line) => ({ ...line, text: settled(line.text) })),
        modified,
        ...(notifications && { notifications }),
        text: timeless(await textOf(done.image!)),
        asked: [...requests],
      };
    }
    return found;
  } finally {
    await bench.close();
  }
}

/** Of what is kept less time is left with each look-up, and the order of records is the server's. */
const settled = (line: string): string =>
  line.replace(
    /^(\|found\|)[1-9]\d*(\|\d+\|)(.*)$/,
    (_, found: string, count: string, texts: string) =>
      `${found}ttl${count}${texts.split(',').toSorted().join(',')}`,
  );

/** A signature says when it was made. */
const timeless = (text: string): string =>
  text.replaceAll(/\b([tx])=\d+/g, '$1=').replaceAll(/\bb=[^;]*?(?=;|\r\n(?!\s))/g, 'b=');

let expected: ReturnType<typeof seen> | undefined;
const expectedOf = () => (expected ??= seen(reference!));

test.skipIf(missing !== '')(`AssemblyScript: what is expected of all${missing}`, async () => {
  const found = await expectedOf();
  const told = (name: string): readonly string[] =>
    found[name]!.logs.filter(({ level }) => level === 'info').map(({ text }) => text);
  expect(told('dns')).toEqual([
    '|found|ttl|2|192.0.2.1,192.0.2.2',
    '|found|ttl|1|mx.example.test',
    '10',
    '|found|ttl|2|café,v=spf1 ip4:192.0.2.7 -all',
    '|nodata|0|0|',
    '|nxdomain|0|0|',
    '|found|ttl|1|mail.example.net',
    '|found|ttl|1|127.0.0.2',
    'DENIED||0|0|',
    'INVALID||0|0|',
  ]);
  expect(told('dns, not granted')).toEqual(told('dns').map((line) => (line === '10' ? '0' : 'DENIED||0|0|')));
  expect(told('directory')).toEqual([
    '|yes|2|paris|one,two "ä"||0',
    '|no|0||||0',
    'DENIED|no|0||||0',
    'INVALID|no|0||||0',
  ]);
  expect(told('auth')).toEqual([
    'pass||example.test',
    '1',
    'pass||example.test',
    'pass||',
    'pass||example.test',
    'reject|example.test|lists.example.test; spf=pass|' +
      'spf=pass smtp.mailfrom=example.test,dkim=pass header.d=example.test header.s=s1,' +
      'arc=pass (i=1) arc.chain=example.test,dmarc=pass header.from=example.test policy.dmarc=reject',
  ]);
  const eicar = 'no|Eicar-Signature.UNOFFICIAL|';
  const mark = 'no|Postern.Mark.UNOFFICIAL|';
  expect(told('scan')).toEqual(['yes||', 'yes||', eicar, eicar, mark, 'yes||', 'yes||']);
  expect(told('scan, not granted')).toEqual(told('scan').map(() => 'no||DENIED'));
  expect(told('sign')).toEqual(['|yes', '|yes', '|yes', '|yes', 'DENIED|no']);
  expect(found['sign']).toMatchObject({
    text: expect.stringMatching(
      /^DKIM-Signature:[^]*\r\nDKIM-Signature:[^]*x=;\r\n\th=From:From:Subject:Subject:Sender:[^]*\r\nARC-Seal: i=2;[^]*i=2; mx\.example\.test;[^]*dkim=none/,
    ),
    modified: true,
  });
  expect(told('notify')).toEqual(['yes|no|yes|yes|yes|yes']);
  expect(found['notify']).toMatchObject({
    notifications: [
      { kind: 'notice', to: 'sender', subject: 'A "virus"', text: 'It was ä\nvirus.\n' },
      { kind: 'notice', to: 'postmaster', subject: 'for her', text: 'x' },
      { kind: 'notice', to: 'sender', subject: 'by name', text: 'y' },
      { kind: 'incident', severity: 'warning', event: 'virus-found', text: 'Eicar in a.zip', fields: {} },
      {
        kind: 'incident',
        severity: 'critical',
        event: 'worse',
        text: 'more of it',
        fields: { signature: 'Eicar "x"', file: 'ä' },
      },
    ],
  });
  expect(told('notify, not granted')).toEqual(['no|no|no|no|no|no']);
  const digest = createHash('sha256').update(message, 'latin1').digest('hex');
  expect(told('post')).toEqual([`200||POST /post one ${digest}`]);
  expect(told('post, not granted')).toEqual(['0|DENIED|']);
  expect(told('granted')).toEqual([Array(8).fill('yes').join('|')]);
  expect(told('granted, not granted')).toEqual([Array(8).fill('no').join('|')]);
  const failed = (kind: string, cause: unknown) => ({ result: { failure: kind, cause } });
  const refused =
    'the host found the index, the range or the text invalid; it had been refused: notify: INVALID:';
  const saying = (text: string): string => expect.stringContaining(`it says: ${text}`) as string;
  expect(found['to']).toMatchObject(
    failed('trap', saying(`Cannot give notice to "everybody": ${refused} to`)),
  );
  expect(found['event']).toMatchObject(
    failed('trap', saying(`Cannot report the incident "Not one": ${refused} event`)),
  );
  const link = (size: number, expires = 3600): unknown =>
    expect.stringMatching(
      String.raw`^\|https://files\.example\.test/blob/\S+\|\w+\|${size}\|[0-9a-f]{64}\|${expires}$`,
    );
  expect(told('blob')).toEqual([
    link(EICAR.length),
    link(10, 600),
    link(0),
    ...TYPES.map(() => link(1)),
    'LIMIT|||0||0',
    'yes|no',
  ]);
  const types = found['blob']!.asked.map((line) => /"type":"(.*?)"/.exec(line)?.[1]);
  const other = 'application/octet-stream';
  const plain = new Set(['a/b', 'a/b.c', `${'a'.repeat(63)}/1`]);
  expect(types.slice(0, 3)).toEqual([other, 'text/plain', 'image/svg+xml']);
  expect(types.slice(3, -3)).toEqual(TYPES.map((type) => (plain.has(type) ? type : other)));
  expect(found['remove, not granted']).toMatchObject(
    failed('trap', saying('Cannot remove the file none: not allowed by the operator')),
  );
  expect(told('protect')).toEqual([
    '|yes|ann@example.com|no',
    '|no||no',
    'DENIED|no||no',
    'DENIED|no||no',
    '|no||no',
    '|no||yes',
    'no',
  ]);
  expect(found['protect']).toMatchObject({
    text: expect.stringMatching(
      /\r\nSubject: hello\r\nMIME-Version: 1\.0\r\nContent-Type: multipart\/encrypted;[^]*-----END PGP MESSAGE-----/,
    ),
  });
  expect(told('open')).toEqual(['|no||yes', 'encrypted|opened|', 'signed|good|']);
  expect(found['open']!.text).toMatch(
    /^From: Ann <ann@example\.test>\r\nMIME-Version: 1\.0\r\nContent-Type: multipart\/signed; [^]*\r\n\r\n--b\r\nContent-Type: text\/plain\r\n\r\nHi\./,
  );
  expect(found['border']!.text.endsWith(`\r\nSubject: hello\r\nMIME-Version: 1.0\r\n${BORDER}`)).toBe(true);
  const unplaced = (why: string) => failed('trap', saying(`Cannot put the content in its place: ${why}`));
  expect(found['stale']).toMatchObject(unplaced('the host was asked something else since'));
  expect(found['refused']).toMatchObject(unplaced('there is none'));
  expect(found['outage']).toMatchObject(
    failed(
      'capability',
      expect.stringMatching(/^it says: no answer: UNAVAILABLE; the capability dns was out of order: /),
    ),
  );
  expect(found['auth, not granted']).toMatchObject(
    failed(
      'trap',
      saying('Cannot authenticate the message: not allowed by the operator (allowModify, a grant)'),
    ),
  );
});

for (const language of others) {
  const reason = missing + skipped(language);
  describe.skipIf(reason !== '')(`${language.name}${reason}`, () => {
    test('all that the SDK offers of capabilities does the same', async () => {
      expect(await seen(language)).toEqual(await expectedOf());
    });

    test('what a filter does not call is not imported', async () => {
      const module = await WebAssembly.compile(new Uint8Array(await moduleOf(language, 'outside/filter')));
      const calls = WebAssembly.Module.imports(module)
        .filter((imported) => imported.module === 'ocp_smtp_v1')
        .map((imported) => imported.name);
      const capabilities = ['auth', 'blob', 'directory', 'dns', 'http', 'key', 'notify', 'scan'];
      const reading = ['answer_read', 'message_read', 'message_size', 'part_count', 'part_info'];
      const editing = ['header_count', 'header_name', 'header_remove', 'splice'];
      expect(calls.sort()).toEqual([...capabilities, ...reading, ...editing].sort());
    });
  });
}
