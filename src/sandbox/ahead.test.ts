import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Alarm } from '../base/alarm.ts';
import type { Log } from '../base/log.ts';
import { Ahead } from './ahead.ts';
import type { CrewMember } from './crew-member.ts';
import type { Task } from './wire.ts';
import type { Work } from './work.ts';

/** A member that only remembers what it was told. */
interface Idle extends CrewMember {
  readonly told: Task[];
}

describe('Ahead', () => {
  let members: Idle[];
  let dropped: CrewMember[];
  let filled: number;
  let warned: object[];
  let ahead: Ahead;

  const member = (...lacking: string[]): Idle => {
    const told: Task[] = [];
    // All that is looked at.
    const made = {
      told,
      work: undefined,
      preparing: undefined,
      lacking,
      ready: true,
      slow: false,
      away: false,
      deadline: new Alarm(() => ahead.late(made)),
      send: (task: Task) => void told.push(task),
    } as unknown as Idle;
    return made;
  };
  const made = (one: CrewMember, fault?: string): void =>
    ahead.take(one, { kind: 'prepared', service: one.preparing!, fault, lacking: ['go'] });

  beforeEach(() => {
    vi.useFakeTimers();
    [members, dropped, warned, filled] = [[], [], [], 0];
    const crew = {
      get members() {
        return members;
      },
      fill: () => void (filled += 1),
      drop: (one: CrewMember) => void dropped.push(one),
    };
    const log: Log = { debug() {}, info() {}, warn: (fields) => void warned.push(fields), error() {} };
    ahead = new Ahead({ crew, deadlines: new Map([['go', 1000]]), log });
  });
  afterEach(() => vi.useRealTimers());

  it('has one at a time make what it lacks, of those that have nothing to do', () => {
    const busy = Object.assign(member('go'), { work: {} as Work });
    const starting = Object.assign(member('go'), { ready: false });
    members = [busy, starting, member(), member('go'), member('go')];
    ahead.begin();
    ahead.begin();
    expect(members.map(({ told }) => told.length)).toEqual([0, 0, 0, 1, 0]);
    expect(members[3]!.told).toEqual([{ kind: 'prepare', service: 'go' }]);
    made(members[3]!);
    members[3]!.lacking = [];
    ahead.begin();
    expect(members[4]!.told).toHaveLength(1);
  });

  it('ends one that takes longer than the deadline, and has another stand in for it before that', () => {
    members = [member('go')];
    ahead.begin();
    vi.advanceTimersByTime(51);
    expect([filled, dropped]).toEqual([1, []]);
    vi.advanceTimersByTime(950);
    expect(dropped).toEqual(members);
    expect(warned).toEqual([{ service: 'go', cause: 'it took longer than 1000 ms', retryMs: 1000 }]);
  });

  it('goes on with another service while one is left alone', () => {
    members = [member('bad', 'go')];
    ahead.begin();
    made(members[0]!, 'it trapped: unreachable');
    members[0]!.lacking = ['bad', 'go'];
    ahead.begin();
    expect(members[0]!.told.at(-1)).toEqual({ kind: 'prepare', service: 'go' });
  });

  it('leaves a service alone after a failure, each time twice as long, up to a minute', () => {
    members = [member('go')];
    const [only] = members;
    const waits: number[] = [];
    for (let failure = 1; failure <= 8; failure++) {
      const before = only!.told.length;
      let waited = 0;
      for (; only!.told.length === before; waited += 500) {
        ahead.begin();
        if (only!.told.length === before) vi.advanceTimersByTime(500);
      }
      waits.push((waited - 500) / 1000);
      made(only!, 'it trapped: unreachable');
    }
    expect(waits).toEqual([0, 1, 2, 4, 8, 16, 32, 60]);
    // One success, and all is forgotten.
    vi.advanceTimersByTime(60_000);
    ahead.begin();
    made(only!);
    ahead.begin();
    expect(only!.told).toHaveLength(10);
  });
});
