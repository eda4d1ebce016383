import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CapabilityHost } from '../../src/ocp/capability.ts';
import { silentLog } from '../../src/base/log.ts';
import { memoryValues } from '../../src/author/memory-values.ts';
import { capabilitiesOf, NO_SETTINGS } from '../../src/cli/capabilities.ts';
import { RecordingLog } from '../support/recording-log.ts';
import { ask, type Heard } from './asking.ts';
import { realCapabilities, type RealCapabilities } from './real.ts';

const QUOTA = { keys: 5, bytes: 2_000_000 };
let capabilities: RealCapabilities;
let log: RecordingLog;

beforeEach(async () => {
  log = new RecordingLog();
  const services = ['s', 't'].map((name) => ({ name, grants: { kv: QUOTA } }));
  capabilities = await realCapabilities([...services, { name: 'without', grants: {} }], { log });
});
afterEach(() => capabilities.close());

const kv = (fields: object | string, body?: string | Uint8Array, service = 's'): Promise<Heard> =>
  ask(capabilities.host, { service, capability: 'kv', fields, ...(body !== undefined && { body }) });

it('answers alike where plugins are tried', async () => {
  const services = [{ name: 's', mode: 'enforce' as const, grants: { kv: { keys: 2, bytes: 20 } } }];
  const script: readonly (readonly [object, string?])[] = [
    [{ op: 'get', key: 'a' }],
    [{ op: 'put', key: 'a', revision: 1 }, '1'],
    [{ op: 'put', key: 'a', revision: 0 }, '1'],
    [{ op: 'put', key: 'a', revision: 0 }, '2'],
    [{ op: 'put', key: 'a', expires: 60 }, '2'],
    [{ op: 'increment', key: 'a', by: -5, expires: 600 }],
    [{ op: 'get', key: 'a' }],
    [{ op: 'increment', key: 'b', by: 7 }],
    [{ op: 'increment', key: 'c' }],
    [{ op: 'put', key: 'b' }, 'x'.repeat(30)],
    [{ op: 'put', key: 'b' }, 'x'],
    [{ op: 'increment', key: 'b' }],
    [{ op: 'delete', key: 'b' }],
    [{ op: 'delete', key: 'b' }],
    [{ op: 'get', key: 'b' }],
  ];
  const answers = async (host: CapabilityHost) => {
    const heard: Heard[] = [];
    for (const [fields, body] of script) {
      const asked = { service: 's', capability: 'kv' as const, fields, ...(body !== undefined && { body }) };
      heard.push(await ask(host, asked));
    }
    return heard;
  };
  const real = await realCapabilities(services);
  try {
    const tried = await answers(
      capabilitiesOf(services, { log: silentLog, keyValues: memoryValues(), settings: NO_SETTINGS }),
    );
    expect(tried).toEqual(await answers(real.host));
    expect(tried.filter(({ error }) => error === undefined)).toHaveLength(10);
  } finally {
    await real.close();
  }
});

describe('kv', () => {
  it('keeps values octet for octet, each service its own, and gives them up', async () => {
    const octets = Uint8Array.of(10, 0, 255, 13, 10);
    expect(await kv({ op: 'put', key: 'ä' }, octets)).toEqual({
      said: { stored: true, revision: expect.any(Number) },
    });
    expect(await kv({ op: 'get', key: 'ä' })).toEqual({
      said: { revision: expect.any(Number) },
      body: '\n\0\xff\r\n',
    });
    expect(await kv({ op: 'get', key: 'ä' }, undefined, 't')).toMatchObject({ error: 'NOT_FOUND' });
    expect(await kv({ op: 'get', key: 'a' })).toMatchObject({ error: 'NOT_FOUND' });
    expect(await kv({ op: 'delete', key: 'ä' })).toEqual({ said: { deleted: true } });
    expect(await kv({ op: 'delete', key: 'ä' })).toEqual({ said: { deleted: false } });
    expect(await kv({ op: 'get', key: 'ä' })).toMatchObject({ error: 'NOT_FOUND' });
    expect(await kv({ op: 'put', key: 'empty' })).toMatchObject({ said: { stored: true } });
    expect(await kv({ op: 'get', key: 'empty' })).toMatchObject({ body: '' });
  });

  it('puts over a revision only', async () => {
    const first = (await kv({ op: 'put', key: 'k', revision: 0 }, '1')).said;
    expect(first).toMatchObject({ stored: true });
    const found = await kv({ op: 'get', key: 'k' });
    expect(found.said!['revision']).toBe(first!['revision']);
    expect(await kv({ op: 'put', key: 'k', revision: 0 }, '2')).toEqual({
      said: { stored: false, revision: first!['revision'] },
    });
    expect(await kv({ op: 'put', key: 'k', revision: first!['revision'] }, '2')).toMatchObject({
      said: { stored: true },
    });
    expect(await kv({ op: 'get', key: 'k' })).toMatchObject({ body: '2' });
  });

  it('counts, within a time if it is asked to', async () => {
    expect(await kv({ op: 'increment', key: 'n' })).toEqual({
      said: { value: 1, revision: expect.any(Number) },
    });
    expect(await kv({ op: 'increment', key: 'n', by: -3 })).toMatchObject({ said: { value: -2 } });
    expect(await kv({ op: 'get', key: 'n' })).toMatchObject({ body: '-2' });
    expect(await kv({ op: 'increment', key: 'm', expires: 3600 })).toMatchObject({ said: { expires: 3600 } });
    const { said } = await kv({ op: 'get', key: 'm' });
    expect(said!['expires']).toBeGreaterThan(3500);
    await kv({ op: 'put', key: 'text' }, 'no number');
    expect(await kv({ op: 'increment', key: 'text' })).toMatchObject({ error: 'INVALID' });
  });

  it('keeps what it has over a restart', async () => {
    await kv({ op: 'put', key: 'k' }, 'kept');
    const host = await capabilities.restart();
    const asked = { service: 's', capability: 'kv' as const, fields: { op: 'get', key: 'k' } };
    expect(await ask(host, asked)).toMatchObject({ body: 'kept' });
  });

  it('holds each service to its quota, and warns once', async () => {
    for (const key of ['a', 'b', 'c', 'd', 'e'])
      expect(await kv({ op: 'put', key }, key)).toMatchObject({ said: { stored: true } });
    const cause = 'it would keep more than 5 keys or 2000000 octets';
    expect(await kv({ op: 'put', key: 'f' }, 'f')).toEqual({ error: 'LIMIT', cause });
    expect(await kv({ op: 'increment', key: 'f' })).toEqual({ error: 'LIMIT', cause });
    expect(await kv({ op: 'put', key: 'a' }, new Uint8Array(1024 * 1024))).toMatchObject({ said: {} });
    expect(await kv({ op: 'put', key: 'b' }, new Uint8Array(1024 * 1024))).toEqual({ error: 'LIMIT', cause });
    expect(await kv({ op: 'put', key: 'b' }, new Uint8Array(1024 * 1024 + 1))).toMatchObject({
      error: 'LIMIT',
      cause: 'the value has 1048577 octets, at most 1048576 are allowed',
    });
    expect(await kv({ op: 'put', key: 'f' }, 'f', 't')).toMatchObject({ said: { stored: true } });
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([
      {
        level: 'warn',
        message: 'a service has met the limit of a grant',
        fields: { service: 's', capability: 'kv', cause },
      },
    ]);
  });

  it('is denied without a grant, and out of order without its store', async () => {
    expect(await kv({ op: 'get', key: 'k' }, undefined, 'without')).toMatchObject({ error: 'DENIED' });
    const before = capabilities.host;
    await capabilities.restart();
    const asked = { service: 's', capability: 'kv' as const, fields: { op: 'get', key: 'k' } };
    expect(await ask(before, asked)).toMatchObject({ error: 'UNAVAILABLE' });
  });

  it('is logged by operation and key, without the value', async () => {
    await kv({ op: 'put', key: 'k' }, 'hidden');
    await kv({ op: 'get', key: 'k' });
    await kv({ op: 'get', key: 'x' });
    expect(log.lines.map(({ level, fields }) => [level, fields['target'], fields['requests']])).toEqual([
      ['debug', 'put k', 1],
      ['debug', 'get k', 2],
      ['debug', 'get x', 3],
    ]);
    expect(JSON.stringify(log.lines)).not.toContain('hidden');
  });

  it.each<[string, string | object, string?]>([
    ['no JSON', 'get k'],
    ['no operation', { key: 'k' }],
    ['an unknown operation', { op: 'list', key: 'k' }],
    ['no key', { op: 'get' }],
    ['an empty key', { op: 'get', key: '' }],
    ['a key that is no text', { op: 'get', key: 7 }],
    ['half a surrogate pair as key', '{"op":"get","key":"a\\ud800"}'],
    ['a long key', { op: 'get', key: 'é'.repeat(257) }],
    ['an unknown field', { op: 'get', key: 'k', service: 't' }],
    ['a value to get', { op: 'get', key: 'k' }, 'v'],
    ['a value to increment', { op: 'increment', key: 'k' }, '1'],
    ['a broken number', { op: 'increment', key: 'k', by: 1.5 }],
    ['a number too large', { op: 'increment', key: 'k', by: 2 ** 53 }],
    ['no time to live', { op: 'put', key: 'k', expires: 0 }],
    ['a time in the past', { op: 'put', key: 'k', expires: -1 }],
    ['an age to live', { op: 'put', key: 'k', expires: 1e12 }],
    ['a negative revision', { op: 'put', key: 'k', revision: -1 }],
    ['a revision to delete', { op: 'delete', key: 'k', revision: 1 }],
  ])('refuses %s', async (_what, fields, body) => {
    expect(await kv(fields, body)).toMatchObject({ error: 'INVALID' });
  });
});
