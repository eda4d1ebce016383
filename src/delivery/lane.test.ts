import { describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import type { Job } from './job.ts';
import { Lane } from './lane.ts';
import { DEFAULT_DELIVERY } from './policy.ts';

const unreachable = { ...reply(421, '4.4.1', 'cannot be reached'), local: true };

function lane(concurrency: number, hotMessages = 10): Lane {
  const policy = { ...DEFAULT_DELIVERY, concurrency, hotMessages, bounceDownstream: () => 'back' };
  return new Lane('mx', { policy, random: () => 0.5 });
}

const job = (id: string): Job => ({
  id,
  transaction: 't',
  sender: { address: '', params: {} },
  recipients: [],
  downstream: 'mx',
  attempts: 0,
  createdAt: 0,
  expiresAt: 1,
  lastReply: '',
  message: { size: 0, read: async () => new Uint8Array() },
  release() {},
});

/** Takes until nothing more may start. */
function takeAll(from: Lane, now = 0): string[] {
  const ids: string[] = [];
  for (let next = from.take(now); next !== undefined; next = from.take(now)) {
    from.busy++;
    ids.push(next.id);
  }
  return ids;
}

describe('Lane', () => {
  it('serves the two lines in turn, each in its order', () => {
    const one = lane(10);
    for (const id of ['h1', 'h2', 'h3']) one.addHot(job(id));
    for (const id of ['c1', 'c2']) one.addCold(job(id));
    expect(takeAll(one)).toEqual(['h1', 'c1', 'h2', 'c2', 'h3']);
  });

  it('starts no more than its slots', () => {
    const one = lane(2);
    for (const id of ['a', 'b', 'c']) one.addCold(job(id));
    expect(takeAll(one)).toEqual(['a', 'b']);
    one.busy--;
    expect(takeAll(one)).toEqual(['c']);
  });

  it('starts nothing while the downstream rests, and one to probe it', () => {
    const one = lane(5);
    one.circuit.record([unreachable], 0);
    for (const id of ['a', 'b']) one.addCold(job(id));
    expect(takeAll(one, 1)).toEqual([]);
    expect(takeAll(one, one.circuit.restsUntil)).toEqual(['a']);
  });

  it('wants entries of the store as long as they would keep its slots busy', () => {
    const one = lane(2);
    expect(one.wantsMore(0)).toBe(true);
    one.addCold(job('a'));
    one.addCold(job('b'));
    expect(one.wantsMore(0)).toBe(false);
  });

  it('wants one probe when the rest is over, and no more', () => {
    const one = lane(2);
    one.circuit.record([unreachable], 0);
    const { restsUntil } = one.circuit;
    expect(one.wantsProbe(restsUntil - 1)).toBe(false);
    expect(one.wantsProbe(restsUntil)).toBe(true);
    expect(one.wantsMore(restsUntil)).toBe(false);
    one.hotPlaces = 1; // a message that is just being committed will be the probe
    expect(one.wantsProbe(restsUntil)).toBe(false);
    expect(one.wantsHot(restsUntil)).toBe(false);
  });

  it('gives out hot places up to the limit, and none while it rests', () => {
    const one = lane(2, 1);
    expect(one.wantsHot(0)).toBe(true);
    one.hotPlaces = 1;
    expect(one.wantsHot(0)).toBe(false);
    one.hotPlaces = 0;
    one.circuit.record([unreachable], 0);
    expect(one.wantsHot(1)).toBe(false);
  });
});
