import { expect, it } from 'vitest';
import { spoolOf } from '../base/spool.ts';
import { FinalGate } from './final-gate.ts';

const LONG = { shareMs: 3_600_000, reserveMs: 3_600_000 };
const source = () => spoolOf(Buffer.from('0123456789'));

/** A place for a message, which is sent as it is. */
function guard(gate: FinalGate) {
  const { guarded, leave } = gate.place();
  return { message: guarded(source()), leave };
}

/** Reads to the end; tells whether it has got there. */
function reading(message: { read(offset: number, length: number): Promise<Uint8Array> }): { done: boolean } {
  const state = { done: false };
  void message.read(0, 100).then(() => (state.done = true));
  return state;
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
};

it('gives out the end of one message at a time, in order', async () => {
  const gate = new FinalGate(LONG);
  const guarded = [0, 1, 2].map(() => guard(gate));
  const reads = guarded.map(({ message }) => reading(message));
  await turns();
  expect(reads.map(({ done }) => done)).toEqual([true, false, false]);
  guarded[0]!.leave();
  await turns();
  expect(reads.map(({ done }) => done)).toEqual([true, true, false]);
  guarded[1]!.leave();
  guarded[1]!.leave();
  await turns();
  expect(reads.map(({ done }) => done)).toEqual([true, true, true]);
  guarded[2]!.leave();
});

it('holds back nothing but the end', async () => {
  const gate = new FinalGate(LONG);
  const first = guard(gate);
  await first.message.read(0, 10);
  const second = guard(gate);
  expect(Buffer.from(await second.message.read(0, 9)).toString()).toBe('012345678');
  const end = reading(second.message);
  await turns();
  expect(end.done).toBe(false);
  first.leave();
  await turns();
  expect(end.done).toBe(true);
  second.leave();
});

it('passes over who failed while waiting', async () => {
  const gate = new FinalGate(LONG);
  const [first, second, third] = [guard(gate), guard(gate), guard(gate)];
  const reads = [first, second, third].map(({ message }) => reading(message));
  await turns();
  second.leave();
  first.leave();
  await turns();
  expect(reads[2]!.done).toBe(true);
  third.leave();
});

it('waits for a slow one no longer than its patience', async () => {
  const gate = new FinalGate({ shareMs: 1, reserveMs: 1 });
  for (let slow = 0; slow < 3; slow++) {
    expect(await guard(gate).message.read(0, 10)).toHaveLength(10);
  }
});

it('spends on a hitch what quick ones have left, and has a share for each when that is gone', async () => {
  const gate = new FinalGate({ shareMs: 1, reserveMs: 3_600_000 });
  const first = guard(gate);
  await first.message.read(0, 10);
  const second = guard(gate);
  const end = reading(second.message);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(end.done).toBe(false);
  first.leave();
  second.leave();

  const poor = new FinalGate({ shareMs: 1, reserveMs: 10 });
  for (let slow = 0; slow < 5; slow++) {
    expect(await guard(poor).message.read(0, 10)).toHaveLength(10);
  }
});

it('lets a long line pass at once', async () => {
  const gate = new FinalGate(LONG);
  const reads = Array.from({ length: 52 }, () => reading(guard(gate).message));
  await turns();
  expect(reads.filter(({ done }) => done)).toHaveLength(2);
});

it('holds back the end of a message that is sent in another form than it was read before', async () => {
  const gate = new FinalGate(LONG);
  const first = guard(gate);
  await first.message.read(0, 10);
  const { guarded, leave } = gate.place();
  const other = spoolOf(Buffer.from('another form of it'));
  expect(await guarded(other).read(0, 10)).toHaveLength(10);
  const end = reading(guarded(other));
  await turns();
  expect(end.done).toBe(false);
  first.leave();
  await turns();
  expect(end.done).toBe(true);
  leave();
});
