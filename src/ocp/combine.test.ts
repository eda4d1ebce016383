import { describe, expect, it } from 'vitest';
import { combine } from './combine.ts';
import type { Decision } from './decision.ts';
import { DEFAULT_SERVICE, type FailurePolicy, type Service, type ServiceOutcome } from './service.ts';

function service(name: string, changes: Partial<Service> = {}): Service {
  return {
    name,
    plugin: name,
    ...DEFAULT_SERVICE,
    allowModify: true,
    ...changes,
  };
}

const said = (name: string, decision: Decision): ServiceOutcome => ({
  service: name,
  micros: 1,
  result: { kind: 'decision', decision },
  logs: [],
  modified: false,
  memoryBytes: 0,
});

const failed = (name: string): ServiceOutcome => ({
  service: name,
  micros: 1,
  result: { kind: 'failure', failure: 'trap', cause: 'unreachable' },
  logs: [],
  modified: false,
  memoryBytes: 0,
});

const services = (...list: Service[]): Map<string, Service> => new Map(list.map((one) => [one.name, one]));

describe('combine', () => {
  const two = services(service('a'), service('b'));

  it('accepts where nobody objects', () => {
    expect(combine([said('a', {}), said('b', { verdict: 'accept' })], two).overall).toBeUndefined();
  });

  it('lets the strongest verdict win, whoever said it, and the first among equals', () => {
    const combined = combine(
      [said('a', { verdict: 'quarantine', reason: 'one' }), said('b', { verdict: 'discard' })],
      two,
    );
    expect(combined.overall).toMatchObject({ verdict: 'quarantine', service: 'a', reason: 'one' });
    const equal = combine(
      [
        said('a', { verdict: 'reject', reply: { code: 554, text: 'first' } }),
        said('b', { verdict: 'reject' }),
      ],
      two,
    );
    expect(equal.overall?.reply).toEqual({ code: 554, enhanced: '5.7.1', lines: ['first'] });
  });

  it('keeps single recipients apart', () => {
    const combined = combine(
      [
        said('a', { recipients: [{ address: 'x@example.com', verdict: 'reject' }] }),
        said('b', { tags: { seen: 'yes' }, score: 2 }),
      ],
      two,
    );
    expect(combined.overall).toBeUndefined();
    expect(combined.recipients.get('x@example.com')?.proposal?.verdict).toBe('reject');
    expect(combined.tags).toEqual({ seen: 'yes' });
    expect(combined.score).toBe(2);
  });

  it('does nothing that a service in monitor says, nor when it fails', () => {
    const monitored = services(service('a', { mode: 'monitor' }), service('b'));
    const combined = combine([said('a', { verdict: 'reject', tags: { t: 'x' } }), said('b', {})], monitored);
    expect(combined.overall).toBeUndefined();
    expect(combined.tags).toEqual({});
    expect(combine([failed('a')], monitored).overall).toBeUndefined();
  });

  it.each<[FailurePolicy, string | undefined, number | undefined]>([
    ['tempfail', 'tempfail', 451],
    ['reject', 'reject', 554],
    ['quarantine', 'quarantine', 451],
    ['accept', undefined, undefined],
  ])('does what onFailure %s says', (policy, verdict, code) => {
    const onFailure = { load: policy, trap: policy, deadline: policy, capability: policy };
    const { overall } = combine([failed('a')], services(service('a', { onFailure })));
    expect(overall?.verdict).toBe(verdict);
    expect(overall?.reply.code).toBe(code);
  });

  it('defers what there was no thread for, whatever onFailure says', () => {
    const overload: ServiceOutcome = {
      ...failed('a'),
      result: { kind: 'failure', failure: 'overload', cause: 'too busy' },
    };
    for (const policy of ['tempfail', 'reject', 'quarantine', 'accept'] as const) {
      const onFailure = { load: policy, trap: policy, deadline: policy, capability: policy };
      const { overall } = combine([overload], services(service('a', { onFailure })));
      expect(overall).toMatchObject({ verdict: 'tempfail', reply: { code: 451, enhanced: '4.3.2' } });
    }
    expect(combine([overload], services(service('a', { mode: 'monitor' }))).overall).toBeUndefined();
  });

  it('never lets a reply contradict its verdict', () => {
    const wrong = combine(
      [said('a', { verdict: 'tempfail', reply: { code: 550, enhanced: '5.1.1', text: 'full' } })],
      two,
    );
    expect(wrong.overall?.reply).toEqual({ code: 451, enhanced: '4.7.1', lines: ['full'] });
  });

  it('lets the last one route', () => {
    const combined = combine(
      [
        said('a', {
          nextHop: 'one',
          sender: 'a@example.com',
          folder: 'Lists',
          recipients: [{ address: 'x@example.com', nextHop: 'one', folder: 'Junk' }],
        }),
        said('b', {
          nextHop: 'two',
          folder: 'Other',
          recipients: [{ address: 'x@example.com', replace: ['y@example.com'] }],
        }),
      ],
      two,
    );
    expect(combined.nextHop).toBe('two');
    expect(combined.sender).toBe('a@example.com');
    expect(combined.folder).toBe('Other');
    expect(combined.recipients.get('x@example.com')).toEqual({
      nextHop: 'one',
      folder: 'Junk',
      replace: ['y@example.com'],
    });
  });

  it('does not file what a service in monitor would file', () => {
    const watched = said('a', { folder: 'Junk', recipients: [{ address: 'x@example.com', folder: 'Junk' }] });
    const combined = combine([watched], services(service('a', { mode: 'monitor' })));
    expect(combined.folder).toBeUndefined();
    expect(combined.recipients.size).toBe(0);
  });
});
