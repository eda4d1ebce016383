import { describe, expect, it } from 'vitest';
import { readManifest } from './manifest.ts';

const least = {
  id: 'acme/filter',
  version: '1.0.0',
  abi: 1,
  title: 'Filter',
  description: 'Filters',
  stages: ['message'],
  reads: 'headers',
  modifies: false,
};
const read = (value: unknown) => readManifest(Buffer.from(JSON.stringify(value)));
const reasons = (octets: string | Uint8Array) => {
  const found = readManifest(typeof octets === 'string' ? Buffer.from(octets) : octets);
  return 'reasons' in found ? found.reasons.join('\n') : '';
};

describe('a manifest', () => {
  it('needs no more than this, and has defaults for the rest', () => {
    expect(read(least)).toEqual({
      manifest: {
        ...least,
        parts: false,
        capabilities: { required: [], optional: [] },
        limits: {},
        bypassable: false,
      },
    });
  });

  it('may say all this', () => {
    const whole = {
      ...least,
      version: '1.2.3-rc.1+build.5',
      parts: true,
      capabilities: {
        required: [{ name: 'dns', reason: 'Asks block lists', args: { zones: ['bl.example'] } }],
        optional: [{ name: 'kv', reason: 'Remembers what they said' }],
      },
      settings: { type: 'object', properties: { zones: { type: 'array' } } },
      limits: { memoryMiB: 16, deadlineMs: 1000 },
      bypassable: true,
      homepage: 'https://filter.example/',
      license: 'MIT',
    };
    expect(read(whole)).toEqual({ manifest: whole });
  });

  it.each<[string, object, string]>([
    ['a key that is unknown', { colour: 'red' }, 'Unrecognized key: "colour"'],
    ['a table of parts where there is no message', { parts: true, stages: ['mail'] }, 'at parts: '],
    ['a key that is missing', { modifies: undefined }, 'at modifies: '],
    ['an id without a vendor', { id: 'filter' }, 'at id: must be vendor/name'],
    ['an id in upper case', { id: 'Acme/filter' }, 'at id: must be vendor/name'],
    ['an id that climbs', { id: '../filter' }, 'at id: must be vendor/name'],
    ['an id of three', { id: 'acme/a/b' }, 'at id: must be vendor/name'],
    ['a version of two numbers', { version: '1.0' }, 'at version: must be a semantic version'],
    ['a version with a zero in front', { version: '1.01.0' }, 'at version: must be a semantic version'],
    ['another ABI', { abi: 2 }, 'at abi: '],
    ['a title that steers a terminal', { title: 'a\u001b[2J' }, 'at title: must be printable'],
    ['a title that turns round', { title: 'a\u202eb' }, 'at title: must be printable'],
    ['no stages', { stages: [] }, 'at stages: '],
    ['a stage twice', { stages: ['message', 'message'] }, 'at stages: must name each stage once'],
    ['an unknown stage', { stages: ['quit'] }, 'at stages.0: '],
    ['reading without a message', { stages: ['rcpt'] }, 'at reads: must be none without the stage message'],
    [
      'an unknown capability',
      { capabilities: { required: [{ name: 'shell', reason: 'x' }] } },
      'at capabilities.required.0.name: ',
    ],
    [
      'a capability without a reason',
      { capabilities: { optional: [{ name: 'dns', reason: '' }] } },
      'at capabilities.optional.0.reason: must not be empty',
    ],
    [
      'a capability twice',
      {
        capabilities: {
          required: [{ name: 'dns', reason: 'x' }],
          optional: [{ name: 'dns', reason: 'y' }],
        },
      },
      'at capabilities: must name each capability once',
    ],
    ['a limit out of range', { limits: { memoryMiB: 100_000 } }, 'at limits.memoryMiB: '],
    ['an unknown limit', { limits: { cpus: 1 } }, 'at limits: '],
    ['settings that are no schema', { settings: true }, 'at settings: '],
    ['a homepage without TLS', { homepage: 'http://filter.example/' }, 'at homepage: must be an https URL'],
    ['a homepage that is code', { homepage: 'javascript:alert(1)' }, 'at homepage: must be an https URL'],
  ])('is refused with %s', (_, change, reason) => {
    expect(reasons(JSON.stringify({ ...least, ...change }))).toContain(`its manifest is wrong`);
    expect(reasons(JSON.stringify({ ...least, ...change }))).toContain(reason);
  });

  it('is refused where it is no JSON, or could be read in two ways', () => {
    expect(reasons('')).toBe('its manifest is not JSON');
    expect(reasons('{"id":')).toBe('its manifest is not JSON');
    expect(reasons('\ufeff{}')).toBe('its manifest is not JSON');
    expect(reasons(Uint8Array.of(0x22, 0xff, 0x22))).toBe('its manifest is not UTF-8');
    expect(reasons('{"id":"a/b","i\\u0064":"c/d"}')).toBe('its manifest has the key "id" twice');
    expect(reasons('{"settings":{"a" : 1,"b":{"a":2},"a":3}}')).toBe('its manifest has the key "a" twice');
    expect(reasons('{"settings":{"__proto__":{}}}')).toBe('its manifest has the key "__proto__"');
    expect(reasons('['.repeat(100_000) + ']'.repeat(100_000))).toBe('its manifest is nested deeper than 32');
    expect(reasons(' '.repeat(300_000))).toBe('its manifest has 300000 octets, at most 262144 are allowed');
    // The same key in two objects, and text that looks like a key, are neither.
    expect(reasons('[{"a":"\\"a\\":"},{"a":["a","a"]}]')).toContain('is wrong');
  });
});
