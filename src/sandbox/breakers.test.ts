import { beforeEach, describe, expect, it } from 'vitest';
import type { FailureKind, ServiceOutcome } from '../ocp/service.ts';
import type { Log } from '../base/log.ts';
import { Breakers, type Place } from './breakers.ts';

const AT: Place = { service: 's', stage: 'message' };
const GOOD: ServiceOutcome['result'] = { kind: 'decision', decision: {} };
const bad = (failure: FailureKind): ServiceOutcome['result'] => ({ kind: 'failure', failure, cause: 'why' });

describe('Breakers', () => {
  let now: number;
  let said: string[];
  let breakers: Breakers;
  const fail = (times: number, failure: FailureKind = 'deadline', place = AT): void => {
    for (let time = 0; time < times; time++) breakers.record(place, bad(failure));
  };
  /** Whether a call goes through; if so it is a probe, and this is its end. */
  const probe = (result: ServiceOutcome['result']): boolean => {
    if (breakers.refusal(AT) !== undefined) return false;
    expect(breakers.begin(AT)).toBe(true);
    breakers.record(AT, result);
    return true;
  };

  beforeEach(() => {
    now = 0;
    said = [];
    const say = (fields: object, message: string): void => {
      said.push(`${message.split(':')[0]} ${JSON.stringify(fields)}`);
    };
    const log: Log = { debug: say, info: say, warn: say, error: say };
    breakers = new Breakers({ log, nowMs: () => now });
  });

  it('opens after three deadlines in a row, and says so once', () => {
    fail(2);
    expect(breakers.anyOpen).toBe(false);
    expect(breakers.refusal(AT)).toBeUndefined();
    fail(2);
    expect(breakers.anyOpen).toBe(true);
    expect(breakers.refusal(AT)).toEqual({
      failure: 'deadline',
      cause: 'the breaker is open after 3 failures in a row, the last: why',
    });
    expect(said).toEqual([
      'the breaker of a service has opened {"service":"s","stage":"message","failures":3,"failure":"deadline","cause":"why"}',
    ]);
  });

  it('opens after ten traps in a row, and fails in the way of the last', () => {
    fail(9, 'trap');
    expect(breakers.anyOpen).toBe(false);
    fail(1, 'trap');
    expect(breakers.refusal(AT)).toMatchObject({ failure: 'trap' });
  });

  it('counts in a row only, at one stage only, and only what was asked of the plugin', () => {
    fail(2);
    breakers.record(AT, GOOD);
    fail(2);
    fail(2, 'deadline', { service: 's', stage: 'rcpt' });
    fail(2, 'deadline', { service: 't', stage: 'message' });
    fail(20, 'load');
    breakers.record(AT, { kind: 'failure', failure: 'overload', cause: 'why' });
    breakers.record(AT, { kind: 'notAsked' });
    expect(breakers.anyOpen).toBe(false);
    fail(1);
    expect(breakers.anyOpen).toBe(true);
    expect(breakers.refusal({ service: 's', stage: 'rcpt' })).toBeUndefined();
  });

  it('opens after ten outages in a row, and asks again within seconds', () => {
    fail(9, 'capability');
    expect(breakers.anyOpen).toBe(false);
    fail(1, 'capability');
    expect(breakers.refusal(AT)).toMatchObject({ failure: 'capability' });
    const whiles: number[] = [];
    for (let since = 0; whiles.length < 5; now += 500) {
      if (!probe(bad('capability'))) continue;
      whiles.push(now - since);
      since = now;
    }
    expect(whiles).toEqual([1000, 2000, 4000, 4000, 4000]);
  });

  it('lets one probe through after a while, which closes it if it succeeds', () => {
    fail(3);
    now = 999;
    expect(breakers.refusal(AT)).toBeDefined();
    now = 1000;
    expect(breakers.refusal(AT)).toBeUndefined();
    expect(breakers.begin(AT)).toBe(true);
    expect(breakers.refusal(AT)).toBeDefined();
    breakers.record(AT, GOOD);
    expect(breakers.anyOpen).toBe(false);
    expect(breakers.begin(AT)).toBe(false);
    expect(said).toHaveLength(2);
    expect(said[1]).toContain('has closed');
  });

  it('doubles the while after each probe that fails, to a minute', () => {
    fail(3);
    const whiles: number[] = [];
    for (let since = 0; whiles.length < 8; now += 500) {
      if (!probe(bad('deadline'))) continue;
      whiles.push(now - since);
      since = now;
    }
    expect(whiles).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
    expect(said).toHaveLength(1);
  });

  it('tells which are open, since when and until when', () => {
    fail(2);
    expect(breakers.list()).toEqual([]);
    fail(1);
    now = 400;
    const open = { ...AT, failures: 3, failure: 'deadline', cause: 'why' };
    expect(breakers.list()).toEqual([{ ...open, openMs: 400, probeInMs: 600 }]);
    now = 1200;
    expect(breakers.list()).toEqual([{ ...open, openMs: 1200, probeInMs: 0 }]);
    expect(probe(bad('trap'))).toBe(true);
    expect(breakers.list()).toEqual([
      { ...open, failures: 4, failure: 'trap', openMs: 1200, probeInMs: 2000 },
    ]);
    now = 5000;
    expect(probe(GOOD)).toBe(true);
    expect(breakers.list()).toEqual([]);
  });

  it('lets another probe through after one that came to nothing', () => {
    fail(3);
    now = 1000;
    breakers.begin(AT);
    breakers.release(AT);
    expect(breakers.refusal(AT)).toBeUndefined();
  });
});
