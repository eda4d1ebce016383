import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../src/base/log.ts';
import { directoryPart } from '../../src/sandbox/capabilities/directory.ts';
import { createCapabilityHost } from '../../src/sandbox/capabilities/host.ts';
import { LibraryThreads } from '../../src/sandbox/capabilities/library-threads.ts';
import { builtPlugin, complaints, serve, serveGranted, type Asked } from './ask.ts';

const PLUGIN = builtPlugin('reroute');
let asked: Asked;

beforeAll(async () => {
  asked = await serve(PLUGIN, {
    table: {
      'old@example.com': { to: 'new@example.com' },
      'team@example.com': { to: ['ann@example.com', '@example.org'], nextHop: 'lists' },
      '@EXAMPLE.com': { nextHop: 'headquarters' },
      '@paris.example.org': { to: ['@fr.example.org'], nextHop: 'fr' },
      '@xn--bcher-kva.example': { to: '@books.example' },
      'same@example.net': { to: 'same@example.net' },
      '*': { nextHop: 'fallback' },
    },
  });
});

afterAll(async () => asked.close());

test('has nothing against a good table', () => {
  expect(asked.problems).toEqual([]);
});

test.each([
  ['old@example.com', { rewrite: 'new@example.com' }],
  ['OLD@Example.COM', { rewrite: 'new@example.com' }],
  ['"old"@example.com', { rewrite: 'new@example.com' }],
  ['Joe@Bücher.example', { rewrite: 'Joe@books.example' }],
  ['other@example.com', { nextHop: 'headquarters' }],
  ['joe@paris.example.org', { rewrite: 'joe@fr.example.org', nextHop: 'fr' }],
  ['"a@b"@paris.example.org', { rewrite: '"a@b"@fr.example.org', nextHop: 'fr' }],
  ['postmaster', { nextHop: 'fallback' }],
  ['x@elsewhere.example', { nextHop: 'fallback' }],
  ['same@example.net', {}],
  [
    'team@example.com',
    {
      recipients: [
        { address: 'team@example.com', replace: ['ann@example.com', 'team@example.org'], nextHop: 'lists' },
      ],
    },
  ],
])('RCPT TO:<%s>', async (address, decision) => {
  expect(await asked.decide('rcpt', { recipients: [{ address, params: {} }] })).toEqual(decision);
});

test('says nothing about what is not in the table', async () => {
  const sparse = await serve(PLUGIN, { table: { '@example.org': { nextHop: 'a' } } });
  expect(await sparse.decide('rcpt')).toEqual({});
  await sparse.close();
});

test('fails without leave to change the envelope', async () => {
  const bound = await serve(PLUGIN, { table: { '*': { nextHop: 'a' } } }, false);
  const { result } = await bound.outcome('rcpt');
  expect(result).toMatchObject({ kind: 'failure', cause: expect.stringContaining('allowModify') as unknown });
  await bound.close();
});

const REFUSED: readonly (readonly [Record<string, unknown>, string])[] = [
  [{}, 'Cannot use table: found nothing, required is "table", "directory" or "senders"'],
  [{ table: {}, directory: { toFrom: 'a' } }, 'Cannot use directory.table: found nothing, required'],
  [{ directory: { table: 'a' } }, 'required is "toFrom", "serverFrom" or both'],
  [
    { directory: { table: 'a', serverFrom: 'b', servers: { c: {} } } },
    'Cannot use directory.servers["c"].nextHop: found nothing, required',
  ],
  [{ senders: { '*': 'a@b' } }, 'Cannot use senders["*"]: found "a@b", but the key must be an address or'],
  [{ senders: { 'a@b': 'c' } }, 'Cannot use senders["a@b"]: found "c", allowed is an address'],
  [{ senders: {}, headers: 1 }, 'Cannot use headers: found 1'],
  [{ table: [] }, 'Cannot use table: found a list, allowed is an object'],
  [{ table: {}, tabel: 1 }, 'Cannot use tabel: found 1, allowed keys are table, directory, senders, headers'],
  [
    { table: { ann: { nextHop: 'a' } } },
    'Cannot use table["ann"]: found an object, but the key must be an address',
  ],
  [
    { table: { '*': 'a' } },
    'Cannot use table["*"]: found "a", allowed is an object with "to", "nextHop" or both',
  ],
  [
    { table: { '*': {} } },
    'Cannot use table["*"]: found an object, required is "to" with at least one address',
  ],
  [
    { table: { '*': { to: [] } } },
    'Cannot use table["*"]: found an object, required is "to" with at least one',
  ],
  [
    { table: { '*': { to: [], nextHop: 'a' } } },
    'Cannot use table["*"].to: found a list, allowed is at least one address',
  ],
  [{ table: { '*': { to: ['a@b', 'c'] } } }, 'Cannot use table["*"].to[1]: found "c", allowed is an address'],
  [{ table: { '*': { to: 7 } } }, 'Cannot use table["*"].to: found 7, allowed is a text'],
  [
    { table: { '*': { nexthop: 'a' } } },
    'Cannot use table["*"].nexthop: found "a", allowed keys are to, nextHop',
  ],
];

test('refuses bad settings in a sentence', async () => {
  const found = await complaints(
    PLUGIN,
    REFUSED.map(([settings]) => settings),
  );
  for (const [index, [, sentence]] of REFUSED.entries()) expect(found[index]).toContain(sentence);
});

describe('the directory', () => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-reroute-'));
  const threads = new LibraryThreads();
  let known: Asked;
  afterAll(async () => {
    await known?.close();
    await threads.close();
    rmSync(directory, { recursive: true });
  });
  const file = join(directory, 'staff.csv');
  const staff = {
    name: 'staff',
    type: 'csv',
    file,
    key: 'mail',
    maxRows: 10,
    cacheMs: 0,
    timeoutMs: 10_000,
  } as const;
  const grants = { directory: { tables: ['staff'], requestsPerMinute: 1000 } };
  const settings = {
    table: {
      'own@example.com': { nextHop: 'own' },
      '@example.com': { nextHop: 'domain' },
    },
    directory: {
      table: 'staff',
      toFrom: 'to',
      serverFrom: 'server',
      servers: { 'imap1.example.com': { nextHop: 'paris' }, 'imap2.example.com': { nextHop: 'rome' } },
    },
  };

  beforeAll(async () => {
    writeFileSync(
      file,
      `mail,to,server
own@example.com,x@example.net,imap1.example.com
ann@example.com,,IMAP1.example.com
alias@example.com,ben@example.com,imap2.example.com
list@example.com,ann@example.com,
list@example.com,ben@example.com,
lost@example.com,,imap9.example.com
`,
    );
    const capabilities = createCapabilityHost({
      services: [{ name: 's0', grants }],
      parts: { directory: directoryPart([staff], threads) },
      log: silentLog,
    });
    known = await serveGranted(PLUGIN, { settings, grants, capabilities, allowModify: true });
  });

  test.each([
    ['own@example.com', { nextHop: 'own' }],
    ['ANN@Example.com', { nextHop: 'paris' }],
    ['alias@example.com', { rewrite: 'ben@example.com', nextHop: 'rome' }],
    [
      'list@example.com',
      { recipients: [{ address: 'list@example.com', replace: ['ann@example.com', 'ben@example.com'] }] },
    ],
    ['other@example.com', { nextHop: 'domain' }],
    ['other@example.net', {}],
  ])('RCPT TO:<%s>', async (address, decision) => {
    expect(await known.decide('rcpt', { recipients: [{ address, params: {} }] })).toEqual(decision);
  });

  test('is trusted with no server that the settings do not name', async () => {
    const { result } = await known.outcome('rcpt', {
      recipients: [{ address: 'lost@example.com', params: {} }],
    });
    expect(result).toMatchObject({
      kind: 'failure',
      failure: 'trap',
      cause: expect.stringContaining('imap9') as unknown,
    });
  });

  test('that is out of order makes the call fail by that', async () => {
    rmSync(file);
    const { result } = await known.outcome('rcpt', {
      recipients: [{ address: 'ann@example.com', params: {} }],
    });
    expect(result).toMatchObject({ kind: 'failure', failure: 'capability' });
  });
});

describe('senders and the header', () => {
  let asked: Asked;
  beforeAll(async () => {
    asked = await serve(PLUGIN, {
      senders: { 'chief@intern.example.com': 'office@example.com', '@INTERN.example.com': '@example.com' },
      headers: true,
    });
  });
  afterAll(() => asked?.close());

  test.each([
    ['Chief@intern.example.com', { rewrite: 'office@example.com' }],
    ['Ann@Intern.example.com', { rewrite: 'Ann@example.com' }],
    ['ann@other.example.com', {}],
    ['', {}],
  ])('MAIL FROM:<%s>', async (address, decision) => {
    expect(await asked.decide('mail', { sender: { address, params: {} } })).toEqual(decision);
  });

  const message = (to: string): string =>
    `From: ann@example.com\nTo: ${to}\nSubject: old@example.com\n\nold@example.com\n`;
  const recipients = [
    { address: 'new@example.org', original: 'old@example.com', params: {} },
    { address: 'one@example.com', original: 'list@example.com', params: {} },
    { address: 'two@example.com', original: 'list@example.com', params: {} },
    { address: 'same@example.com', params: {} },
  ];

  test.each([
    ['old@example.com', 'new@example.org'],
    ['Old <OLD@Example.com>, <other@example.com>', 'Old <new@example.org>, <other@example.com>'],
    ['"old@example.com" <old@example.com>', '"old@example.com" <new@example.org>'],
    ['"a\\" old@example.com" <old@example.com>', '"a\\" old@example.com" <new@example.org>'],
    [
      'old@example.com (old@example.com (\\) old@example.com))',
      'new@example.org (old@example.com (\\) old@example.com))',
    ],
    ['friends: old@example.com,same@example.com;', 'friends: new@example.org,same@example.com;'],
    ['very.old@example.com, old@example.com.au', 'very.old@example.com, old@example.com.au'],
    ['list@example.com', 'list@example.com'],
    ['(old@example.com', '(old@example.com'],
  ])('To: %s', async (to, mapped) => {
    const { text } = await asked.filter(message(to), { recipients });
    expect(text).toBe(message(mapped).replaceAll('\n', '\r\n'));
  });

  test('leaves the header alone if it is not told to', async () => {
    const quiet = await serve(PLUGIN, { table: {} });
    const { modified } = await quiet.filter(message('old@example.com'), { recipients });
    expect(modified).toBe(false);
    await quiet.close();
  });
});
