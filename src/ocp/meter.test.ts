import { describe, expect, it } from 'vitest';
import type { Decision } from './decision.ts';
import { meterReading, type DisagreementExample } from './meter-reading.ts';
import { Meter, metersFor } from './meter.ts';
import type { ServiceOutcome } from './service.ts';

const outcome = (changes: Partial<ServiceOutcome> = {}): ServiceOutcome => ({
  service: 's',
  micros: 100,
  result: { kind: 'decision', decision: {} },
  logs: [],
  modified: false,
  memoryBytes: 0,
  ...changes,
});
const saying = (decision: Decision): ServiceOutcome => outcome({ result: { kind: 'decision', decision } });
const failing = (result: object): ServiceOutcome => {
  const failure = { kind: 'failure', failure: 'trap', cause: 'why', ...result } as const;
  return outcome({ result: failure });
};

describe('a meter', () => {
  it('counts calls and their time, in all and by stage', () => {
    const meter = new Meter('p');
    for (let count = 0; count < 98; count++) meter.record('rcpt', outcome({ micros: 100 }));
    for (let count = 0; count < 2; count++) meter.record('message', outcome({ micros: 10_000 }));
    meter.record('message', outcome({ result: { kind: 'notAsked' } }));
    const { calls, p50, p99, max, stages } = meter.read();
    expect([calls, max]).toEqual([100, 10_000]);
    expect([p50 / 100, p99 / 10_000]).toEqual([expect.closeTo(1, 1), expect.closeTo(1, 1)]);
    expect(stages).toMatchObject([
      { stage: 'rcpt', calls: 98, max: 100 },
      { stage: 'message', calls: 2, max: 10_000 },
    ]);
  });

  it('tells failures apart, and takes none for a call in which the service had no part', () => {
    const meter = new Meter('p');
    meter.record('rcpt', failing({}));
    meter.record('rcpt', failing({ failure: 'deadline', probe: true }));
    meter.record('rcpt', failing({ failure: 'capability' }));
    meter.record('rcpt', failing({ failure: 'load' }));
    meter.record('rcpt', failing({ failure: 'deadline', unasked: true }));
    meter.record('rcpt', failing({ failure: 'overload', unasked: true }));
    const { calls, failures } = meter.read();
    expect(failures).toEqual({ load: 1, trap: 1, deadline: 1, capability: 1, overload: 1, unasked: 1 });
    expect(calls).toBe(3);
  });

  it('counts decisions by the strongest verdict in each, tags, changes, and the most memory', () => {
    const meter = new Meter('p');
    meter.record('message', saying({ tags: { spam: 'no', seen: 'yes' } }));
    meter.record('message', saying({ tags: { spam: 'yes' }, verdict: 'discard' }));
    const recipients = [
      { address: 'a@example.com', verdict: 'quarantine' as const },
      { address: 'b@example.com' },
    ];
    meter.record('message', saying({ recipients }));
    meter.record('message', outcome({ modified: true, memoryBytes: 3000 }));
    meter.record('message', outcome({ memoryBytes: 2000 }));
    expect(meter.read()).toMatchObject({
      decisions: { accept: 3, discard: 1, quarantine: 1, reject: 0, tempfail: 0, bounce: 0 },
      tags: [
        { tag: 'spam', count: 2 },
        { tag: 'seen', count: 1 },
      ],
      modified: 1,
      memoryPeak: 3000,
    });
  });

  it('keeps a bounded number of tags, whatever they are called', () => {
    const meter = new Meter('p');
    meter.record('message', saying({ tags: JSON.parse('{"__proto__":"x"}') as Record<string, string> }));
    for (let at = 0; at < 100; at++) meter.record('message', saying({ tags: { [`t${at}`]: 'x' } }));
    const { tags } = meter.read();
    expect(tags).toHaveLength(31);
    expect([tags[0], tags.at(-1)]).toEqual([
      { tag: '__proto__', count: 1 },
      { tag: '…', count: 71 },
    ]);
  });

  it('keeps the last disagreements, and counts all', () => {
    const meter = new Meter('p');
    const example: DisagreementExample = {
      at: 0,
      session: 's',
      stage: 'message',
      would: ['reject'],
      done: ['accept'],
    };
    for (let at = 0; at < 7; at++) meter.disagree({ ...example, at });
    meter.disagree({ ...example, at: 7, would: ['change', 'discard'] });
    const { disagreements } = meter.read();
    expect(disagreements).toMatchObject({
      answers: 8,
      kinds: { reject: 7, change: 1, discard: 1, accept: 0 },
    });
    expect(disagreements.examples.map(({ at }) => at)).toEqual([3, 4, 5, 6, 7]);
  });

  it('crosses to whoever asks as it is', () => {
    const meter = new Meter('p');
    meter.record('message', saying({ verdict: 'reject', tags: { a: 'b' } }));
    const reading = meter.read();
    expect(meterReading.parse(JSON.parse(JSON.stringify(reading)))).toEqual(reading);
  });
});

describe('meters over a reload', () => {
  it('go on while the plugin stays the same, also while it is disabled, and begin anew with another', () => {
    const first = metersFor([
      { name: 'stays', plugin: 'a' },
      { name: 'changes', plugin: 'a' },
      { name: 'rests', plugin: 'a' },
      { name: 'goes', plugin: 'a' },
      { name: 'never', plugin: undefined },
    ]);
    expect([...first.keys()]).toEqual(['stays', 'changes', 'rests', 'goes']);
    const second = metersFor(
      [
        { name: 'stays', plugin: 'a' },
        { name: 'changes', plugin: 'b' },
        { name: 'rests', plugin: undefined },
        { name: 'new', plugin: 'a' },
      ],
      first,
    );
    expect([...second.keys()]).toEqual(['stays', 'changes', 'rests', 'new']);
    expect(second.get('stays')).toBe(first.get('stays'));
    expect(second.get('changes')).not.toBe(first.get('changes'));
    const third = metersFor([{ name: 'rests', plugin: 'a' }], second);
    expect(third.get('rests')).toBe(first.get('rests'));
  });
});
