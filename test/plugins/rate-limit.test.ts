import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CapabilityHost } from '../../src/ocp/capability.ts';
import type { Facts } from '../../src/ocp/facts.ts';
import { realCapabilities, type RealCapabilities } from '../capability/real.ts';
import { builtPlugin, complaints, serveGranted, unbuilt, type Asked } from './ask.ts';

const PLUGIN = builtPlugin('rate-limit');
const SKIPPED = unbuilt('rate-limit');

let real: RealCapabilities | undefined;
let asked: Asked | undefined;
/** What the plugin has asked of its store: `get increment`. */
let ops: string[] = [];

beforeEach(() => {
  // The store's time is the main thread's: tests move it.
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') });
});

afterEach(async () => {
  await asked?.close();
  await real?.close();
  [asked, real, ops] = [undefined, undefined, []];
  vi.useRealTimers();
});

const later = (seconds: number): unknown => vi.setSystemTime(Date.now() + seconds * 1000);

async function withSettings(
  settings: Record<string, unknown>,
  options: { keys?: number; host?: CapabilityHost } = {},
): Promise<Asked> {
  const grants = { kv: { keys: options.keys ?? 1000, bytes: 1_000_000 } };
  real = await realCapabilities([{ name: 's0', grants }]);
  const host = options.host ?? real.host;
  const counting: CapabilityHost = {
    async call(request) {
      ops.push(/"op":"(\w+)"/.exec(Buffer.from(request.octets).toString('latin1'))?.[1] ?? '');
      return host.call(request);
    },
  };
  asked = await serveGranted(PLUGIN, { settings, grants, capabilities: counting });
  expect(asked.problems).toEqual([]);
  return asked;
}

const limit = (count: string, per: string, max: number, extra: object = {}) => ({
  count,
  per,
  max,
  windowSeconds: 60,
  ...extra,
});
const from = (address: string, user?: string): Partial<Facts> => ({
  client: { address, port: 1, ...(user !== undefined && { user }) },
});
const sentBy = (address: string): Partial<Facts> => ({ sender: { address, params: {} } });
const to = (address: string): Partial<Facts> => ({ recipients: [{ address, params: {} }] });

describe.skipIf(SKIPPED !== '')(`rate-limit${SKIPPED}`, () => {
  test.each([
    ['connect', limit('connections', 'client', 2), 421, '4.7.0'],
    ['mail', limit('messages', 'client', 2), 450, '4.7.1'],
    ['mail', limit('messages', 'user', 2), 450, '4.7.1'],
    ['mail', limit('messages', 'sender', 2), 450, '4.7.1'],
    ['rcpt', limit('messages', 'recipient', 2), 450, '4.2.1'],
    ['rcpt', limit('recipients', 'client', 2), 452, '4.5.3'],
    ['rcpt', limit('recipients', 'user', 2), 452, '4.5.3'],
    ['rcpt', limit('recipients', 'sender', 2), 452, '4.5.3'],
  ] as const)('at %s: %o', async (stage, one, code, enhanced) => {
    const service = await withSettings({ limits: [one] });
    const facts = from('192.0.2.7', 'ann');
    expect(await service.decide(stage, facts)).toEqual({});
    expect(await service.decide(stage, facts)).toEqual({});
    const third = await service.decide(stage, facts);
    expect(third).toMatchObject({ verdict: 'tempfail', reply: { code, enhanced } });
    expect(third.reason).toMatch(/^more than 2 \w+ in 60 s for the \w+ /);
    // Nowhere else is anything counted, or asked.
    const before = ops.length;
    for (const other of (['connect', 'mail', 'rcpt'] as const).filter((name) => name !== stage)) {
      expect(await service.decide(other, facts)).toEqual({});
    }
    expect(ops.length).toBe(before);
  });

  test('a window begins with the first, and ends', async () => {
    const service = await withSettings({ limits: [limit('messages', 'client', 1)] });
    expect(await service.decide('mail')).toEqual({});
    later(59);
    expect((await service.decide('mail')).verdict).toBe('tempfail');
    later(1);
    expect(await service.decide('mail')).toEqual({});
  });

  test('who is over a limit is refused without a change on the disk', async () => {
    const service = await withSettings({ limits: [limit('messages', 'client', 1)] });
    await service.decide('mail');
    expect(ops).toEqual(['get', 'increment']);
    for (let again = 0; again < 3; again++) await service.decide('mail');
    expect(ops).toEqual(['get', 'increment', 'get', 'get', 'get']);
  });

  test('what one limit refuses counts for none of the others', async () => {
    const service = await withSettings({
      limits: [limit('messages', 'client', 3), limit('messages', 'sender', 1)],
    });
    for (let again = 0; again < 5; again++) await service.decide('mail', sentBy('a@b.example'));
    expect((await service.decide('mail', sentBy('c@b.example'))).verdict).toBe(undefined);
    expect((await service.decide('mail', sentBy('d@b.example'))).verdict).toBe(undefined);
    expect((await service.decide('mail', sentBy('e@b.example'))).reason).toContain('for the client');
  });

  test('of many at once exactly as many as are allowed go through', async () => {
    const service = await withSettings({ limits: [limit('messages', 'client', 7)] });
    const all = await Promise.all(Array.from({ length: 30 }, () => service.decide('mail')));
    expect(all.filter(({ verdict }) => verdict === undefined)).toHaveLength(7);
  });

  test('nobody is counted as nobody: no user, null sender', async () => {
    const service = await withSettings({
      limits: [limit('messages', 'user', 1), limit('messages', 'sender', 1)],
    });
    for (let again = 0; again < 3; again++) {
      expect(await service.decide('mail', { ...from('192.0.2.7'), ...sentBy('') })).toEqual({});
    }
    expect(ops).toEqual([]);
  });

  test('addresses count in their normal form', async () => {
    const service = await withSettings({ limits: [limit('messages', 'recipient', 1)] });
    await service.decide('rcpt', to('Ann@Bücher.example'));
    expect((await service.decide('rcpt', to('"ann"@xn--bcher-kva.example'))).verdict).toBe('tempfail');
    const long = `${'ü'.repeat(500)}@example.com`;
    expect(await service.decide('rcpt', to(long))).toEqual({});
    expect((await service.decide('rcpt', to(long))).verdict).toBe('tempfail');
  });

  test.each([
    ['192.0.2.7', '192.0.2.8', {}, false],
    ['192.0.2.7', '192.0.2.200', { ipv4Prefix: 24 }, true],
    ['192.0.2.7', '192.0.3.7', { ipv4Prefix: 23 }, true],
    ['192.0.1.7', '192.0.2.7', { ipv4Prefix: 23 }, false],
    ['192.0.2.7', '::ffff:192.0.2.7', {}, true],
    ['192.0.2.7', '::ffff:c000:207', {}, true],
    ['2001:db8::1', '2001:DB8:0:0:ffff::', {}, true],
    ['2001:db8::1', '2001:db8:0:1::1', {}, false],
    ['2001:db8::1', '2001:db8:0:1::1', { ipv6Prefix: 48 }, true],
    ['::1', '::2', { ipv6Prefix: 128 }, false],
    ['::', '0:0:0:0:0:0:0:0', { ipv6Prefix: 128 }, true],
    ['fe80::1%eth0', 'fe80::1%eth1', { ipv6Prefix: 128 }, true],
  ])('%s and %s with %o are one network: %s', async (first, second, prefixes, same) => {
    const service = await withSettings({ limits: [limit('connections', 'client', 1)], ...prefixes });
    await service.decide('connect', from(first));
    const { verdict } = await service.decide('connect', from(second));
    expect(verdict).toBe(same ? 'tempfail' : undefined);
  });

  test('says what the operator wants said', async () => {
    const service = await withSettings({ limits: [limit('messages', 'client', 1, { text: 'Slow down' })] });
    await service.decide('mail');
    expect((await service.decide('mail')).reply).toEqual({ code: 450, enhanced: '4.7.1', text: 'Slow down' });
  });

  const TAG = { 'rate-limit': 'not asked: its store is full or out of order' };

  test.each([
    ['accept', { tags: TAG }],
    ['tempfail', { verdict: 'tempfail', tags: TAG, reply: { code: 451, enhanced: '4.3.0' } }],
  ])('with a full store: %s', async (onStoreFailure, expected) => {
    const service = await withSettings(
      { limits: [limit('messages', 'sender', 5)], onStoreFailure },
      { keys: 1 },
    );
    await service.decide('mail', sentBy('a@b.example'));
    expect(await service.decide('mail', sentBy('c@b.example'))).toMatchObject(expected);
    expect(await service.decide('mail', sentBy('a@b.example'))).toEqual({});
  });

  test.each([
    ['accept', undefined],
    ['tempfail', 421],
  ])('with a store out of order: %s', async (onStoreFailure, code) => {
    const host: CapabilityHost = {
      call: async () => ({ kind: 'refused', error: 'UNAVAILABLE', cause: 'the disk is gone' }),
    };
    const limits = [limit('connections', 'client', 5)];
    const service = await withSettings({ limits, onStoreFailure }, { host });
    expect((await service.decide('connect')).reply?.code).toBe(code);
  });

  test('refuses bad settings in a sentence', async () => {
    const REFUSED: readonly (readonly [Record<string, unknown>, string])[] = [
      [{}, 'Cannot use limits: found nothing, required is a list of limits'],
      [{ limits: 7 }, 'Cannot use limits: found 7, allowed is a list'],
      [{ limits: [7] }, 'Cannot use limits[0]: found 7, allowed is an object'],
      [
        { limits: [limit('bytes', 'client', 1)] },
        'Cannot use limits[0].count: found "bytes", allowed are connections',
      ],
      [
        { limits: [limit('connections', 'user', 1)] },
        'Cannot use limits[0].per: found "user", allowed are client for connections',
      ],
      [{ limits: [limit('recipients', 'recipient', 1)] }, 'Cannot use limits[0].per: found "recipient"'],
      [
        { limits: [limit('messages', 'user', 0)] },
        'Cannot use limits[0].max: found 0, allowed is a whole number from 1',
      ],
      [
        { limits: [limit('messages', 'user', 1), limit('messages', 'user', 2)] },
        'Cannot use limits[1]: found an object, allowed is one limit for the same count, per and windowSeconds',
      ],
      [
        { limits: [], ipv4Prefix: 33 },
        'Cannot use ipv4Prefix: found 33, allowed is a whole number from 8 to 32',
      ],
    ];
    const found = await complaints(
      PLUGIN,
      REFUSED.map(([settings]) => settings),
    );
    for (const [index, [, sentence]] of REFUSED.entries()) expect(found[index]).toContain(sentence);
  });
});
