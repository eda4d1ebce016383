import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CapabilityHost } from '../../src/ocp/capability.ts';
import type { Facts } from '../../src/ocp/facts.ts';
import { realCapabilities, type RealCapabilities } from '../capability/real.ts';
import { builtPlugin, complaints, serveGranted, unbuilt, type Asked } from './ask.ts';

const PLUGIN = builtPlugin('greylist');
const SKIPPED = unbuilt('greylist');

let real: RealCapabilities | undefined;
let asked: Asked | undefined;

beforeEach(() => {
  // The store's time is the main thread's: tests move it.
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01T00:00:00Z') });
});

afterEach(async () => {
  await asked?.close();
  await real?.close();
  [asked, real] = [undefined, undefined];
  vi.useRealTimers();
});

const later = (seconds: number): unknown => vi.setSystemTime(Date.now() + seconds * 1000);

async function withSettings(
  settings: Record<string, unknown> = {},
  options: { keys?: number; host?: (real: CapabilityHost) => CapabilityHost } = {},
): Promise<Asked> {
  const { keys = 1000, host = (given) => given } = options;
  const grants = { kv: { keys, bytes: 1_000_000 } };
  real = await realCapabilities([{ name: 's0', grants }]);
  asked = await serveGranted(PLUGIN, { settings, grants, capabilities: host(real.host) });
  expect(asked.problems).toEqual([]);
  return asked;
}

const triplet = (client: string, sender: string, recipient: string): Partial<Facts> => ({
  client: { address: client, port: 1 },
  sender: { address: sender, params: {} },
  recipients: [{ address: recipient, params: {} }],
});

const BOB = triplet('192.0.2.7', 'bob@example.net', 'ann@example.com');
const WAIT = {
  verdict: 'tempfail',
  reply: { code: 451, enhanced: '4.7.1', text: 'Greylisted, please try again later' },
};

describe.skipIf(SKIPPED !== '')(`greylist${SKIPPED}`, () => {
  test('defers what is new until the delay is over, then lets it pass', async () => {
    const service = await withSettings();
    expect(await service.decide('rcpt', BOB)).toEqual({ ...WAIT, reason: 'greylisted, 300 s to wait' });
    later(299);
    expect(await service.decide('rcpt', BOB)).toEqual({ ...WAIT, reason: 'greylisted, 1 s to wait' });
    later(1);
    expect(await service.decide('rcpt', BOB)).toEqual({ tags: { greylist: 'passed after 300 s' } });
    expect(await service.decide('rcpt', BOB)).toEqual({});
  });

  test('tells triplets apart by network, sender and recipient', async () => {
    const service = await withSettings({ delaySeconds: 10 });
    await service.decide('rcpt', BOB);
    later(10);
    const passes = async (facts: Partial<Facts>): Promise<boolean> =>
      (await service.decide('rcpt', facts)).verdict === undefined;
    expect(await passes(triplet('192.0.2.7', 'other@example.net', 'ann@example.com'))).toBe(false);
    expect(await passes(triplet('192.0.2.7', 'bob@example.net', 'ben@example.com'))).toBe(false);
    expect(await passes(triplet('192.0.3.7', 'bob@example.net', 'ann@example.com'))).toBe(false);
    expect(await passes(triplet('::ffff:192.0.2.99', '"BOB"@Example.NET', 'Ann@example.com'))).toBe(true);
  });

  test.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['fe80::1%eth0', 'fe80::2', true],
  ])('%s and %s are one network: %s', async (first, second, same) => {
    const service = await withSettings({ delaySeconds: 1 });
    await service.decide('rcpt', triplet(first, 'a@b.example', 'ann@example.com'));
    later(1);
    const { verdict } = await service.decide('rcpt', triplet(second, 'a@b.example', 'ann@example.com'));
    expect(verdict === undefined).toBe(same);
  });

  test('the prefixes are settings', async () => {
    const service = await withSettings({ delaySeconds: 1, ipv4Prefix: 32 });
    await service.decide('rcpt', BOB);
    later(1);
    const beside = triplet('192.0.2.8', 'bob@example.net', 'ann@example.com');
    expect((await service.decide('rcpt', beside)).verdict).toBe('tempfail');
  });

  test('takes the numbers and tags that lists put into senders for one', async () => {
    const service = await withSettings({ delaySeconds: 1 });
    await service.decide(
      'rcpt',
      triplet('192.0.2.7', 'list-4711-x+ann=example.com@lists.example', 'ann@example.com'),
    );
    later(1);
    const next = triplet('192.0.2.7', 'list-4712-x+ann=example.com@lists.example', 'ann@example.com');
    expect((await service.decide('rcpt', next)).verdict).toBe(undefined);
  });

  test('forgets what did not come back in its window, and what was not used for long', async () => {
    const service = await withSettings({ retryWindowSeconds: 7200, rememberSeconds: 86_400 });
    await service.decide('rcpt', BOB);
    later(7201);
    expect((await service.decide('rcpt', BOB)).verdict).toBe('tempfail');
    later(300);
    await service.decide('rcpt', BOB);
    // Each use gives it a new term.
    for (let day = 0; day < 3; day++) {
      later(80_000);
      expect(await service.decide('rcpt', BOB)).toEqual({});
    }
    later(86_401);
    expect((await service.decide('rcpt', BOB)).verdict).toBe('tempfail');
  });

  test('lets a network alone once enough of its mail has passed', async () => {
    const service = await withSettings({ whitelistAfter: 2, delaySeconds: 1 });
    const to = (recipient: string) => triplet('192.0.2.7', 'bob@example.net', recipient);
    for (const recipient of ['a@example.com', 'b@example.com']) await service.decide('rcpt', to(recipient));
    later(1);
    await service.decide('rcpt', to('a@example.com'));
    // The same triplet again does not count twice.
    await service.decide('rcpt', to('a@example.com'));
    expect((await service.decide('rcpt', to('c@example.com'))).verdict).toBe('tempfail');
    await service.decide('rcpt', to('b@example.com'));
    expect(await service.decide('rcpt', to('d@example.com'))).toEqual({});
  });

  test('of many sessions at once one makes the record, and one pass counts', async () => {
    const service = await withSettings({ whitelistAfter: 2, delaySeconds: 5 });
    const first = await Promise.all(Array.from({ length: 20 }, () => service.decide('rcpt', BOB)));
    expect(first.map(({ verdict }) => verdict)).toEqual(Array(20).fill('tempfail'));
    later(5);
    const second = await Promise.all(Array.from({ length: 20 }, () => service.decide('rcpt', BOB)));
    expect(second.map(({ verdict }) => verdict)).toEqual(Array(20).fill(undefined));
    const stranger = triplet('192.0.2.7', 'other@example.net', 'ann@example.com');
    expect((await service.decide('rcpt', stranger)).verdict).toBe('tempfail');
  });

  test('asks nothing of those who have authenticated, unless told to', async () => {
    const client = { address: '192.0.2.7', port: 1, user: 'bob' };
    const service = await withSettings();
    expect(await service.decide('rcpt', { ...BOB, client })).toEqual({});
    await service.close();
    await real?.close();
    const strict = await withSettings({ skipAuthenticated: false });
    expect((await strict.decide('rcpt', { ...BOB, client })).verdict).toBe('tempfail');
  });

  test('lets the null sender wait until DATA, where each recipient has its own answer', async () => {
    const service = await withSettings({ delaySeconds: 1, text: 'Come back' });
    const to = (...addresses: string[]): Partial<Facts> => ({
      ...triplet('192.0.2.7', '', ''),
      recipients: addresses.map((address) => ({ address, params: {} })),
    });
    expect(await service.decide('rcpt', to('ann@example.com'))).toEqual({});
    const reply = { code: 451, enhanced: '4.7.1', text: 'Come back' };
    expect(await service.decide('data', to('ann@example.com'))).toMatchObject({ verdict: 'tempfail', reply });
    later(1);
    const mixed = await service.decide('data', to('ann@example.com', 'ben@example.com'));
    expect(mixed.verdict).toBe(undefined);
    expect(mixed.recipients).toEqual([{ address: 'ben@example.com', verdict: 'tempfail', reply }]);
    later(1);
    const both = await service.decide('data', to('ann@example.com', 'ben@example.com'));
    expect([both.verdict, both.recipients]).toEqual([undefined, undefined]);
    expect(await service.decide('data', BOB)).toEqual({});
  });

  test('addresses of any length make keys', async () => {
    const service = await withSettings({ delaySeconds: 1 });
    const long = triplet('192.0.2.7', `${'ü'.repeat(400)}@example.net`, `${'x'.repeat(600)}@example.com`);
    expect((await service.decide('rcpt', long)).verdict).toBe('tempfail');
    later(1);
    expect((await service.decide('rcpt', long)).verdict).toBe(undefined);
  });

  test.each([
    ['accept', undefined],
    ['tempfail', 'tempfail'],
  ])('with a full store: %s', async (onStoreFailure, expected) => {
    const service = await withSettings({ onStoreFailure }, { keys: 1 });
    await service.decide('rcpt', BOB);
    const other = triplet('203.0.113.1', 'bob@example.net', 'ann@example.com');
    expect((await service.decide('rcpt', other)).verdict).toBe(expected);
  });

  test.each([
    ['accept', { tags: { greylist: 'not asked: its store is full or out of order' } }],
    ['tempfail', { verdict: 'tempfail' }],
  ])('with a store out of order: %s', async (onStoreFailure, expected) => {
    const broken: CapabilityHost = {
      call: async () => ({ kind: 'refused', error: 'UNAVAILABLE', cause: 'the disk is gone' }),
    };
    const service = await withSettings({ onStoreFailure }, { host: () => broken });
    expect(await service.decide('rcpt', BOB)).toMatchObject(expected);
  });

  test('refuses bad settings in a sentence', async () => {
    const found = await complaints(PLUGIN, [
      { delay: 5 },
      { delaySeconds: 0 },
      { onStoreFailure: 'reject' },
      { text: 'a\r\n250 OK' },
    ]);
    expect(found[0]).toContain(
      'Cannot use delay: found 5, allowed keys are delaySeconds, retryWindowSeconds',
    );
    expect(found[1]).toContain('Cannot use delaySeconds: found 0, allowed is a whole number from 1 to 3600');
    expect(found[2]).toContain('Cannot use onStoreFailure: found "reject", allowed are accept, tempfail');
    expect(found[3]).toContain('Cannot use text: found "a\\u000d\\u000a250 OK"');
  });
});
