import { expect, it } from 'vitest';
import { MessageLookUps } from './auth-dns.ts';
import { checkSpf } from './auth-spf.ts';

const facts = {
  stage: 'mail',
  session: 's',
  service: '',
  listener: { name: 'in', protocol: 'smtp' },
  client: { address: '192.0.2.7', port: 40312, helo: { verb: 'EHLO', name: `${'h'.repeat(200)}.test` } },
  sender: { address: 'ann@example.test', params: {} },
} as const;

const resultOf = (record: string): Promise<unknown> =>
  checkSpf(
    facts,
    new MessageLookUps(
      {
        resolve: async ({ type }) =>
          type === 'TXT'
            ? { kind: 'found', ttl: 60, records: [['text of another kind'], record.match(/.{1,255}/g)!] }
            : { kind: 'nodata', ttl: 60 },
      },
      { signal: AbortSignal.timeout(10_000), most: 100 },
    ),
  );

it('reads a record as long as real ones are', async () => {
  const networks = Array.from({ length: 150 }, (_, i) => `ip4:198.51.${i}.0/24`).join(' ');
  expect(await resultOf(`v=spf1 ${networks} ip4:192.0.2.7 -all`)).toMatchObject({ result: 'pass' });
  expect(await resultOf('v=spf1 exists:%{ir}.%{v}._spf.%{d} ~all')).toMatchObject({ result: 'softfail' });
});

it.each([
  ['that is one long redirect', `v=spf1 redirect=a.${'a'.repeat(60_000)}!`],
  ['that many macros make long', `v=spf1 ${`redirect=a.${'%{h1-}'.repeat(60)}! `.repeat(10)}`],
  ['with a macro of many digits', ` V=SPF1 exists:%{s${'1'.repeat(60_000)}}`],
])('does not read a record %s, which would hold the event loop', async (_what, record) => {
  expect(await resultOf(record)).toEqual({
    result: 'permerror',
    reason: 'the record of example.test is too large',
    identity: 'mailfrom',
    domain: 'example.test',
  });
});
