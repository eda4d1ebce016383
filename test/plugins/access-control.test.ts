import { afterEach, describe, expect, test } from 'vitest';
import type { Facts } from '../../src/ocp/facts.ts';
import { builtPlugin, complaints, serve, serveEach, type Asked } from './ask.ts';

const PLUGIN = builtPlugin('access-control');
let asked: Asked | undefined;

afterEach(async () => {
  await asked?.close();
  asked = undefined;
});

/** A service with these rules, and no leave to change anything. */
async function withRules(...rules: object[]): Promise<Asked> {
  asked = await serve(PLUGIN, { rules }, false);
  expect(asked.problems).toEqual([]);
  return asked;
}

/** A service for each of these rules. */
async function eachWithRule(rules: readonly object[]): Promise<readonly Asked[]> {
  const services = await serveEach(
    PLUGIN,
    rules.map((rule) => ({ rules: [rule] })),
  );
  asked = services[0];
  expect(services.flatMap(({ problems }) => problems)).toEqual([]);
  return services;
}

const from = (address: string): Partial<Facts> => ({ client: { address, port: 1 } });
const to = (...addresses: string[]): Partial<Facts> => ({
  recipients: addresses.map((address) => ({ address, params: {} })),
});
const sentBy = (address: string): Partial<Facts> => ({ sender: { address, params: {} } });

describe('what matches', () => {
  const NETWORKS: readonly (readonly [string, string, boolean])[] = [
    ['192.0.2.7', '192.0.2.7', true],
    ['192.0.2.7', '192.0.2.70', false],
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.0/24', '192.0.3.0', false],
    ['192.0.2.128/25', '192.0.2.127', false],
    ['10.0.0.0/9', '10.127.255.255', true],
    ['10.0.0.0/9', '10.128.0.0', false],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['192.0.2.0/24', '::ffff:192.0.2.9', true],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['2001:DB8:0:0::1', '2001:db8::1', true],
    ['::1', '::1', true],
    ['::/0', '2001:db8::1', true],
    ['fe80::/10', 'fe80::1%eth0', true],
  ];

  test('addresses and networks', async () => {
    const services = await eachWithRule(
      NETWORKS.map(([network]) => ({ client: [network], action: 'reject' })),
    );
    for (const [index, [network, client, expected]] of NETWORKS.entries()) {
      const { verdict } = await services[index]!.decide('connect', from(client));
      expect(verdict, `${client} in ${network}`).toBe(expected ? 'reject' : undefined);
    }
  });

  const SENDERS: readonly (readonly [string, string, boolean])[] = [
    ['bob@example.net', 'Bob@EXAMPLE.net', true],
    ['bob@example.net', 'xbob@example.net', false],
    ['@example.net', 'anyone@example.net', true],
    ['@example.net', 'anyone@mail.example.net', false],
    ['@*.example.net', 'anyone@mail.example.net', true],
    ['@*.example.net', 'anyone@example.net', false],
    ['*-bounces@*', 'list-bounces@example.org', true],
    ['b?b@example.net', 'bob@example.net', true],
    ['b?b@example.net', 'bb@example.net', false],
    ['blocked@example.net', '"blocked"@example.net', true],
    ['blocked@example.net', String.raw`"b\locked"@Example.NET`, true],
    ['@xn--bcher-kva.example', 'bob@Bücher.example', true],
    ['ünal@example.net', 'ÜNAL@example.net', true],
    ['bob@example.net', 'bob+tag@example.net', false],
    ['bob+*@example.net', '"bob+tag"@example.net', true],
    ['"bob lee"@example.net', '"Bob\\ Lee"@example.net', true],
    ['<>', '', true],
    ['<>', 'bob@example.net', false],
    ['*', '', false],
    ['a*a*a*a*a*a*a*a*b', 'a'.repeat(200), false],
  ];

  test('addresses with wildcards', async () => {
    const services = await eachWithRule(SENDERS.map(([sender]) => ({ sender, action: 'reject' })));
    for (const [index, [pattern, sender, expected]] of SENDERS.entries()) {
      const { verdict } = await services[index]!.decide('mail', sentBy(sender));
      expect(verdict, `<${sender}> for ${pattern}`).toBe(expected ? 'reject' : undefined);
    }
  });

  test('all conditions of a rule must hold, of each any entry', async () => {
    const service = await withRules({
      client: ['198.51.100.1', '192.0.2.0/24'],
      sender: ['@a.example', '@example.net'],
      recipient: ['@example.com'],
      action: 'reject',
    });
    expect((await service.decide('rcpt')).verdict).toBe('reject');
    expect((await service.decide('rcpt', to('ann@example.org'))).verdict).toBe(undefined);
    expect((await service.decide('rcpt', sentBy('x@b.example'))).verdict).toBe(undefined);
    expect((await service.decide('rcpt', from('203.0.113.1'))).verdict).toBe(undefined);
  });

  test('nobody matches a user rule before authentication', async () => {
    const service = await withRules({ user: ['*'], recipient: ['@example.com'], action: 'reject' });
    expect(await service.decide('rcpt')).toEqual({});
    const client = { address: '192.0.2.7', port: 1, user: 'ann' };
    expect((await service.decide('rcpt', { client })).verdict).toBe('reject');
  });
});

const client = (extra: object): Partial<Facts> => ({ client: { address: '192.0.2.7', port: 1, ...extra } });
const TLS13 = { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384' };
const TLS12 = { version: 'TLSv1.2', cipher: 'ECDHE-RSA-AES128-SHA' };

describe('TLS', () => {
  test('by version and cipher, at STARTTLS', async () => {
    const service = await withRules(
      { tls: ['TLSv1', 'tlsv1.1'], action: 'reject' },
      { cipher: ['*-SHA', 'RC4*'], action: 'tempfail' },
    );
    expect(await service.decide('starttls', client({ tls: TLS13 }))).toEqual({});
    expect((await service.decide('starttls', client({ tls: TLS12 }))).verdict).toBe('tempfail');
    const old = { version: 'TLSv1.1', cipher: 'x' };
    expect(await service.decide('starttls', client({ tls: old }))).toMatchObject({
      verdict: 'reject',
      reply: { code: 554 },
    });
    expect(await service.decide('mail', client({ tls: old }))).toEqual({});
  });

  test('that is required of a sender, at MAIL, when the client has had its chance', async () => {
    const service = await withRules({
      sender: '@bank.example',
      not: { tls: ['TLSv1.2', 'TLSv1.3'] },
      action: 'reject',
      reply: { code: 530, enhanced: '5.7.0' },
    });
    const bank = sentBy('ann@bank.example');
    expect((await service.decide('mail', bank)).reply?.code).toBe(530);
    expect(await service.decide('mail', { ...bank, ...client({ tls: TLS12 }) })).toEqual({});
    expect(await service.decide('mail', sentBy('ann@other.example'))).toEqual({});
    expect(await service.decide('helo')).toEqual({});
  });

  test('with a HELO name, at the HELO inside it', async () => {
    const service = await withRules({ tls: '*', helo: 'mail.example.net', action: 'reject' });
    const helo = { verb: 'EHLO', name: 'mail.example.net' };
    expect(await service.decide('helo', client({ helo }))).toEqual({});
    expect((await service.decide('helo', client({ helo, tls: TLS13 }))).verdict).toBe('reject');
  });
});

describe('not', () => {
  test('a rule holds if none of its conditions does', async () => {
    const service = await withRules({
      not: { client: '10.0.0.0/8', user: '*' },
      recipient: 'list@example.com',
      action: 'reject',
    });
    const list = to('list@example.com');
    expect((await service.decide('rcpt', { ...list, ...from('192.0.2.7') })).verdict).toBe('reject');
    expect(await service.decide('rcpt', { ...list, ...from('10.1.2.3') })).toEqual({});
    expect(await service.decide('rcpt', { ...list, ...client({ user: 'ann' }) })).toEqual({});
  });

  const OWN: readonly (readonly [user: string, sender: string, refused: boolean])[] = [
    ['ann', 'ann@example.com', false],
    ['ANN', 'Ann@example.com', false],
    ['ann', 'ben@example.com', true],
    ['ann', 'ann@example.org', true],
    ['ann', '', false],
    ['ann@example.org', 'ann@example.org', false],
    ['ann@example.org', 'ann@example.com', true],
    ['a*', 'ann@example.com', true],
    ['a?n', 'ann@example.com', true],
  ];

  test.each(OWN)('the user %s as <%s>: refused is %s', async (user, sender, refused) => {
    const service = await withRules({
      user: '*',
      not: { sender: ['{user}', '{user}@example.com', '<>'] },
      action: 'reject',
    });
    const { verdict } = await service.decide('mail', { ...client({ user }), ...sentBy(sender) });
    expect(verdict).toBe(refused ? 'reject' : undefined);
    expect(await service.decide('mail', sentBy(sender))).toEqual({});
  });
});

describe('when a rule is asked', () => {
  test('where the last of its conditions is known, and nowhere else', async () => {
    const service = await withRules({
      helo: ['mail.example.net'],
      sender: ['@example.net'],
      action: 'reject',
    });
    expect(await service.decide('helo')).toEqual({});
    expect((await service.decide('mail')).verdict).toBe('reject');
    expect(await service.decide('rcpt')).toEqual({});
  });

  test('at the command that it names', async () => {
    const service = await withRules({ client: ['192.0.2.7'], at: 'rcpt', action: 'tempfail' });
    expect(await service.decide('connect')).toEqual({});
    expect((await service.decide('rcpt')).verdict).toBe('tempfail');
  });

  test('the first that matches decides', async () => {
    const service = await withRules(
      { recipient: ['ann@example.com'], action: 'quarantine' },
      { recipient: ['@example.com'], action: 'discard' },
      { at: 'rcpt', action: 'reject' },
    );
    expect(await service.decide('rcpt')).toEqual({ verdict: 'quarantine' });
    expect(await service.decide('rcpt', to('ben@example.com'))).toEqual({ verdict: 'discard' });
    expect((await service.decide('rcpt', to('ben@example.org'))).verdict).toBe('reject');
  });

  test('an accept rule holds at later commands too, against the rules below it', async () => {
    const service = await withRules(
      { sender: ['evil@example.net'], action: 'reject' },
      { client: ['192.0.2.0/24'], action: 'accept' },
      { sender: ['@example.net'], action: 'reject' },
    );
    expect(await service.decide('mail')).toEqual({});
    expect((await service.decide('mail', sentBy('evil@example.net'))).verdict).toBe('reject');
    expect((await service.decide('mail', from('203.0.113.1'))).verdict).toBe('reject');
  });

  test('at data each recipient is judged apart', async () => {
    const service = await withRules(
      { recipient: ['ben@example.com'], at: 'data', action: 'reject' },
      { recipient: ['cleo@example.com'], at: 'data', action: 'quarantine' },
    );
    const decision = await service.decide(
      'data',
      to('ann@example.com', 'ben@example.com', 'cleo@example.com'),
    );
    expect(decision.verdict).toBe(undefined);
    expect(decision.recipients).toEqual([
      {
        address: 'ben@example.com',
        verdict: 'reject',
        reply: expect.objectContaining({ code: 550 }) as unknown,
      },
      { address: 'cleo@example.com', verdict: 'quarantine' },
    ]);
    expect((await service.decide('data', to('ben@example.com'))).verdict).toBe('reject');
  });
});

describe('what it answers', () => {
  test('its own reply, and the end of the session', async () => {
    const service = await withRules({
      client: ['192.0.2.7'],
      action: 'reject',
      disconnect: true,
      reply: { code: 521, enhanced: '5.7.25', text: 'Go "away"' },
    });
    expect(await service.decide('connect')).toEqual({
      verdict: 'reject',
      reply: { code: 521, enhanced: '5.7.25', text: 'Go "away"' },
      disconnect: true,
    });
  });

  test.each([
    ['connect', 'reject', 554],
    ['connect', 'tempfail', 421],
    ['starttls', 'reject', 554],
    ['auth', 'reject', 535],
    ['helo', 'reject', 550],
    ['rcpt', 'tempfail', 450],
  ] as const)('by default at %s, %s: %i', async (at, action, code) => {
    const service = await withRules({ at, action });
    expect((await service.decide(at)).reply?.code).toBe(code);
  });
});

const rule = (extra: object): Record<string, unknown> => ({
  rules: [{ helo: 'x', action: 'reject', ...extra }],
});

const REFUSED: readonly (readonly [Record<string, unknown>, string])[] = [
  [{}, 'Cannot use rules: found nothing, required is a list of rules'],
  [{ rules: 'no' }, 'Cannot use rules: found "no", allowed is a list'],
  [{ rules: [], rule: [] }, 'Cannot use rule: found a list, allowed keys are rules'],
  [{ rules: [7] }, 'Cannot use rules[0]: found 7, allowed is an object'],
  [
    { rules: [{ helo: 'x' }] },
    'Cannot use rules[0].action: found nothing, required is one of reject, tempfail',
  ],
  [rule({ action: 'drop' }), 'Cannot use rules[0].action: found "drop", allowed are reject, tempfail'],
  [rule({ heloo: 'x' }), 'Cannot use rules[0].heloo: found "x", allowed keys are client, tls'],
  [
    rule({ client: ['10.0.0.0/33'] }),
    'Cannot use rules[0].client[0]: found "10.0.0.0/33", allowed are IP addresses',
  ],
  [rule({ client: '2001:db8' }), 'Cannot use rules[0].client: found "2001:db8", allowed are IP addresses'],
  [rule({ client: ['1::2::3'] }), 'Cannot use rules[0].client[0]: found "1::2::3"'],
  [
    rule({ sender: [''] }),
    'Cannot use rules[0].sender[0]: found "", allowed is a text of 1 to 1000 characters',
  ],
  [rule({ not: {} }), 'Cannot use rules[0].not: found an object, required is at least one of client, tls'],
  [rule({ not: { at: 'mail' } }), 'Cannot use rules[0].not.at: found "mail", allowed keys are client, tls'],
  [rule({ not: { client: ['10.0.0.0/33'] } }), 'Cannot use rules[0].not.client[0]: found "10.0.0.0/33"'],
  [
    rule({ not: { tls: '*' }, at: 'auth' }),
    'Cannot use rules[0].at: found "auth", allowed are mail, rcpt, data, where',
  ],
  [
    rule({ sender: 'a', at: 'helo' }),
    'Cannot use rules[0].at: found "helo", allowed are mail, rcpt, data, where',
  ],
  [
    { rules: [{ action: 'reject' }] },
    'Cannot use rules[0].at: found nothing, required in a rule without conditions',
  ],
  [
    rule({ reply: { code: 450 } }),
    'Cannot use rules[0].reply.code: found 450, allowed is a whole number from 500 to 599',
  ],
  [
    rule({ reply: { enhanced: '4.7.1' } }),
    'Cannot use rules[0].reply.enhanced: found "4.7.1", allowed is an enhanced',
  ],
  [
    rule({ action: 'discard', reply: {} }),
    'Cannot use rules[0].reply: found an object, allowed only with reject',
  ],
  [rule({ disconnect: 'yes' }), 'Cannot use rules[0].disconnect: found "yes", allowed are true and false'],
];

test('refuses bad settings in a sentence', async () => {
  const found = await complaints(
    PLUGIN,
    REFUSED.map(([settings]) => settings),
  );
  for (const [index, [, sentence]] of REFUSED.entries()) expect(found[index]).toContain(sentence);
});
