import { describe, expect, it } from 'vitest';
import { asksBeyond, consentOf, consentSchema } from './consent.ts';
import { manifestSchema, type Manifest } from './manifest.ts';

const manifestOf = (more: object = {}): Manifest =>
  manifestSchema.parse({
    id: 'acme/filter',
    version: '1.0.0',
    abi: 1,
    title: 'Filter',
    description: 'Filters',
    stages: ['rcpt', 'message'],
    reads: 'headers',
    modifies: false,
    ...more,
  });
const asks = (required: object[], optional: object[] = []): object => ({
  capabilities: { required, optional },
});
const http = (args: object): object => ({ name: 'http', reason: 'Asks a scanner', args });

describe('a package asks for no more than was consented to', () => {
  it('as it is, and as it comes back from a file', () => {
    const manifest = manifestOf({
      limits: { deadlineMs: 100 },
      ...asks([http({ hosts: ['a', 'b'], limit: 1 })], [{ name: 'kv', reason: 'Counts' }]),
    });
    const consent = consentOf(manifest);
    expect(asksBeyond(manifest, consent)).toEqual([]);
    expect(asksBeyond(manifest, consentSchema.parse(JSON.parse(JSON.stringify(consent))))).toEqual([]);
  });

  it('where it asks for less, or says the same in another order', () => {
    const consent = consentOf(
      manifestOf({ reads: 'body', modifies: true, ...asks([http({ hosts: ['a'], limit: 1 })]) }),
    );
    const less = manifestOf({ stages: ['message'], limits: { memoryMiB: 1 } });
    expect(asksBeyond(less, consent)).toEqual([]);
    const turned = manifestOf({
      stages: ['message', 'rcpt'],
      ...asks([], [http({ limit: 1, hosts: ['a'] })]),
    });
    expect(asksBeyond(turned, consent)).toEqual([]);
  });
});

describe('a package asks for more', () => {
  it.each<[string, object, object, string[]]>([
    [
      'stages',
      {},
      { stages: ['mail', 'rcpt', 'data', 'message'] },
      ['it also wants to be asked at mail, data'],
    ],
    ['bodies', {}, { reads: 'body' }, ['it reads bodies now, headers until now']],
    ['changes', {}, { modifies: true }, ['it also modifies mail']],
    [
      'a capability',
      {},
      asks([], [http({ hosts: ['a'] })]),
      ['it also asks for http {"hosts":["a"]} (Asks a scanner)'],
    ],
    [
      'another argument, and as required',
      asks([], [http({ hosts: ['a'] })]),
      asks([http({ hosts: ['a', 'b'] })]),
      [
        'it asks for http {"hosts":["a","b"]} (Asks a scanner), {"hosts":["a"]} until now',
        'it requires http, which was optional until now',
      ],
    ],
    [
      'a longer deadline',
      { limits: { deadlineMs: 100 } },
      { limits: { deadlineMs: 200 } },
      ['its deadline rises from 100 ms to 200 ms'],
    ],
    [
      'what a service has by default, where it had less',
      { limits: { memoryMiB: 2 } },
      {},
      ['its memory rises from 2 MiB to 64 MiB'],
    ],
  ])('%s', (_, before, now, lines) => {
    expect(asksBeyond(manifestOf(now), consentOf(manifestOf(before)))).toEqual(lines);
  });
});
