import { describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import { Circuit } from './circuit.ts';

const unreachable = { ...reply(421, '4.4.1', 'cannot be reached'), local: true };
const lost = { ...reply(421, '4.4.2', 'closed the connection'), local: true };
const busy = { ...reply(450, '4.3.2', 'too busy'), local: true };
const sayingGoodbye = reply(421, '4.3.2', 'shutting down');
const accepted = reply(250, '2.0.0', 'ok');
const refused = reply(550, '5.1.1', 'no such user');

const circuit = () => new Circuit({ policy: { rest: { firstMs: 1000, maxMs: 4000 } }, random: () => 0.5 });

describe('Circuit', () => {
  it('rests at once when no connection comes about, then lets one probe', () => {
    const one = circuit();
    expect(one.record([unreachable], 0)).toBe(true);
    expect(one.state(999)).toBe('resting');
    expect(one.state(1000)).toBe('probing');
    expect(one.lastReply).toBe(unreachable);
  });

  it('rests longer after each failed probe, up to the longest', () => {
    const one = circuit();
    const rests: number[] = [];
    for (let now = 0, i = 0; i < 5; i++) {
      one.record([unreachable], now);
      rests.push(one.restsUntil - now);
      now = one.restsUntil;
    }
    expect(rests).toEqual([1000, 2000, 4000, 4000, 4000]);
  });

  it('is not made to rest longer by what was under way when it failed', () => {
    const one = circuit();
    for (let i = 0; i < 20; i++) one.record([unreachable], i);
    expect(one.restsUntil).toBe(1000);
  });

  it.each([
    ['a lost connection', lost],
    ['the 421 of the downstream', sayingGoodbye],
  ])('rests after five times %s in a row', (_name, trouble) => {
    const one = circuit();
    for (let i = 0; i < 4; i++) expect(one.record([trouble], i)).toBe(false);
    expect(one.state(4)).toBe('closed');
    expect(one.record([trouble], 4)).toBe(true);
    expect(one.state(5)).toBe('resting');
  });

  it('counts only failures in a row', () => {
    const one = circuit();
    for (let i = 0; i < 20; i++) one.record(i % 4 === 3 ? [accepted] : [lost], i);
    expect(one.state(20)).toBe('closed');
  });

  it('needs one lost probe only', () => {
    const one = circuit();
    one.record([unreachable], 0);
    expect(one.record([lost], 1000)).toBe(true);
    expect(one.restsUntil).toBe(3000);
  });

  it.each([
    ['an acceptance', accepted],
    ['a refusal', refused],
  ])('is closed by %s, since the downstream said it', (_name, word) => {
    const one = circuit();
    one.record([unreachable], 0);
    one.record([word], 1000);
    expect(one.state(1000)).toBe('closed');
    one.record([unreachable], 2000);
    expect(one.restsUntil).toBe(3000);
  });

  it('learns nothing from our own want of connections', () => {
    const one = circuit();
    for (let i = 0; i < 50; i++) one.record([busy], i);
    expect(one.state(50)).toBe('closed');
    one.record([unreachable], 0);
    one.record([busy], 1000);
    expect(one.state(1000)).toBe('probing');
  });

  it('does not rest when only some recipients got a 421', () => {
    const one = circuit();
    for (let i = 0; i < 10; i++) one.record([accepted, sayingGoodbye], i);
    expect(one.state(10)).toBe('closed');
  });
});
