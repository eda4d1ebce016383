import { afterAll, beforeAll, expect, test } from 'vitest';
import { builtPlugin, complaints, serve, type Asked } from './ask.ts';

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
  [{}, 'Cannot use table: found nothing, required is an object of recipients'],
  [{ table: [] }, 'Cannot use table: found a list, allowed is an object'],
  [{ table: {}, tabel: 1 }, 'Cannot use tabel: found 1, allowed keys are table'],
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
