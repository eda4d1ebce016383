import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Call } from '../../src/sandbox/call.ts';
import { GuestRunner } from '../../src/sandbox/guest.ts';
import { InstanceMaker, type Guest } from '../../src/sandbox/instances.ts';
import { StateDraft } from '../../src/sandbox/state-draft.ts';
import { compileWat, serviceOf, vectorText } from './wat.ts';

/** How long an instance lives, and what one call leaves to the next: in this thread, with real instances. */
const moduleOf = (body: string): WebAssembly.Module =>
  new WebAssembly.Module(compileWat('plugin.wat', vectorText(body)));

/** Logs how often it was called, in two digits, after what it logged when it was made. */
const counting = (more = ''): string => `
  (data (i32.const 1024) "made")
  (global $calls (mut i32) (i32.const 0))
  ${more}
  (func $tell (param $number i32)
    (i32.store8 (i32.const 1040) (i32.add (i32.const 48) (i32.div_u (local.get $number) (i32.const 10))))
    (i32.store8 (i32.const 1041) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
    (call $log_info (call $block (i32.const 1040) (i32.const 2))))
  (func (export "on_connect") (result i32)
    (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
    (call $tell (global.get $calls))
    (call $done))
  (func (export "on_helo") (result i32) (unreachable))`;

/** Takes some tens of milliseconds, so that it is worth making ahead. */
const SLOW = `
  (func (export "_initialize") (local $i i32)
    (call $log_info (call $block (i32.const 1024) (i32.const 4)))
    (loop $more
      (br_if $more (i32.lt_u (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 50000000)))))`;

const guestOf = (body: string, options: Parameters<typeof serviceOf>[1] = {}): Guest => ({
  service: serviceOf('counting', options),
  module: moduleOf(body),
});

const settings = Buffer.from('{}');
async function called(guests: GuestRunner, guest: Guest, exportName = 'on_connect'): Promise<string> {
  const state = new StateDraft(undefined);
  const { limits } = guest.service;
  const call = new Call({ limits, settings, input: Buffer.from('{"a":1}'), smtputf8: false, state });
  const fault = await guests.run(guest, { exportName, call });
  return (
    fault ??
    call.log
      .lines()
      .map(({ text }) => text)
      .join(' ')
  );
}

const makes = vi.spyOn(InstanceMaker.prototype, 'make');
afterEach(() => void makes.mockClear());

describe('an instance that is slow to make', () => {
  it('is made once for each call, ahead of it where there is time', async () => {
    const [guests, guest] = [new GuestRunner(), guestOf(counting(SLOW))];
    expect(guests.lacking).toEqual([]);
    expect(await called(guests, guest)).toBe('made 01');
    expect(guests.lacking).toEqual([guest.service]);
    expect(await guests.prepare(guest)).toBeUndefined();
    expect(guests.lacking).toEqual([]);
    expect(makes).toHaveBeenCalledTimes(2);
    expect(await called(guests, guest)).toBe('made 01');
    expect(makes).toHaveBeenCalledTimes(2);
    // Nothing was prepared this time.
    expect(await called(guests, guest)).toBe('made 01');
    expect(makes).toHaveBeenCalledTimes(3);
  });

  it('is not asked for where making it takes no time', async () => {
    const [guests, guest] = [new GuestRunner(), guestOf(counting())];
    // The least counts: the first may take long for reasons of its own.
    for (let count = 0; count < 20; count++) expect(await called(guests, guest)).toBe('01');
    expect(guests.lacking).toEqual([]);
  });

  it('does not wait where there is no room for it, and is not prepared again', async () => {
    const large = counting(
      SLOW.replace('(local $i i32)', '(local $i i32) (drop (memory.grow (i32.const 1100)))'),
    );
    const [guests, guest] = [new GuestRunner(), guestOf(large, { limits: { memoryMiB: 128 } })];
    expect(await called(guests, guest)).toBe('made 01');
    expect(await guests.prepare(guest)).toBeUndefined();
    expect(guests.lacking).toEqual([]);
    expect(await called(guests, guest)).toBe('made 01');
    expect(makes).toHaveBeenCalledTimes(3);
    expect(guests.lacking).toEqual([]);
  });

  it('waits for one service each, and for sixteen in all', async () => {
    const [guests, module] = [new GuestRunner(), moduleOf(counting(SLOW))];
    const all = Array.from({ length: 17 }, (_, at) => ({ service: serviceOf(`s${at}`), module }));
    for (const guest of all) expect(await guests.prepare(guest)).toBeUndefined();
    expect(makes).toHaveBeenCalledTimes(17);
    for (const guest of all) expect(await called(guests, guest)).toBe('made 01');
    expect(makes).toHaveBeenCalledTimes(18);
  });

  it('is not there for another service with the same plugin', async () => {
    const guests = new GuestRunner();
    const [first, module] = [serviceOf('first'), moduleOf(counting(SLOW))];
    await guests.prepare({ service: first, module });
    expect(await called(guests, { service: serviceOf('second'), module })).toBe('made 01');
    expect(makes).toHaveBeenCalledTimes(2);
  });

  it('says why it could not be made', async () => {
    const guest = guestOf(counting('(func (export "_initialize") (unreachable))'));
    const guests = new GuestRunner();
    expect(await guests.prepare(guest)).toBe('it trapped: unreachable');
    expect(await called(guests, guest)).toBe('it trapped: unreachable');
  });
});

describe('what runs before the export', () => {
  it('knows of no call, and leaves it no host memory', async () => {
    const guest = guestOf(`
      (global $kept (mut i64) (i64.const 0))
      (func (export "_initialize")
        (call $is (i32.wrap_i64 (call $input_length)) (i32.const 0))
        (call $is (call $message_size) (i32.const -3))
        (call $is (call $state_set (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1)) (i32.const -3))
        (global.set $kept (call $block (i32.const 0) (i32.const 2)))
        (call $output_set (global.get $kept) (i64.const 2)))
      (func (export "on_connect") (result i32)
        (call $is (i32.wrap_i64 (call $input_length)) (i32.const 7))
        (call $is (i32.wrap_i64 (call $length (global.get $kept))) (i32.const 0))
        (global.get $wrong))
      (func (export "on_helo") (result i32) (drop (call $load_u8 (global.get $kept))) (i32.const 0))`);
    const guests = new GuestRunner();
    expect(await called(guests, guest)).toBe('');
    expect(await called(guests, guest, 'on_helo')).toContain('no such block');
  });

  it('has the limits of a call to itself, its log lines excepted', async () => {
    const flood = (body: string): string => `
      (func $flood (param $count i32)
        (loop $more
          ${body}
          (br_if $more (local.tee $count (i32.sub (local.get $count) (i32.const 1))))))
      (func (export "_initialize") (call $flood (i32.const 80)))
      (func (export "on_connect") (result i32) (call $flood (i32.const 80)) (i32.const 0))
      (func (export "on_helo") (result i32) (call $flood (i32.const 101)) (i32.const 0))`;
    const limits = { hostCalls: 100, logBytes: 200 };
    const calling = guestOf(flood('(drop (call $message_size))'), { limits });
    const guests = new GuestRunner();
    expect(await called(guests, calling)).toBe('');
    expect(await called(guests, calling, 'on_helo')).toBe('it made more than 100 host calls');

    const log = flood('(call $log_info (call $input_offset))').replaceAll('80', '20');
    const logging = guestOf(log, { limits: { ...limits, hostCalls: 1000 } });
    // Empty lines count 16 octets, those of the call 16 + 7: 12 lines of making leave room for none of them.
    expect(await called(guests, logging)).toMatch(/^ {12}140 more octets of log were dropped$/);
  });

  it('fails the call if it goes past a limit, also if it catches that', async () => {
    const spends = `(loop $more (drop (call $message_size)) (br $more))`;
    const limits = { hostCalls: 100 };
    const plain = guestOf(counting(`(func (export "_initialize") ${spends})`), { limits });
    const catching = guestOf(
      counting(`(func (export "_initialize") (try (do ${spends}) (catch_all (nop))))`),
      { limits },
    );
    for (const guest of [plain, catching]) {
      expect(await called(new GuestRunner(), guest)).toBe('it made more than 100 host calls');
    }
  });
});

describe('an instance that has answered its last call', () => {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');

  it.each(['on_connect', 'on_helo'])('is referred to by nothing: after %s', async (exportName) => {
    const [guests, guest] = [new GuestRunner(), guestOf(counting())];
    await called(guests, guest, exportName);
    const memory = new WeakRef(((await makes.mock.results[0]!.value) as { memory: object }).memory);
    makes.mockClear();
    // What a WeakRef was made of lives to the end of the turn.
    await new Promise((resolve) => setTimeout(resolve, 0));
    collect();
    expect(memory.deref()).toBeUndefined();
  });
});

describe('an instance that may answer several calls', () => {
  it('does, as many as it may, and is made anew then', async () => {
    const [guests, guest] = [new GuestRunner(), guestOf(counting(SLOW), { callsPerInstance: 3 })];
    const said = [];
    for (let count = 0; count < 5; count++) said.push(await called(guests, guest));
    expect(said).toEqual(['made 01', '02', '03', 'made 01', '02']);
    // One that still has calls to answer is as good as one made ahead.
    expect(guests.lacking).toEqual([]);
  });

  it('does not after a failure, by its own or by what it said', async () => {
    const [guests, guest] = [new GuestRunner(), guestOf(counting(), { callsPerInstance: 10 })];
    expect([await called(guests, guest), await called(guests, guest)]).toEqual(['01', '02']);
    expect(await called(guests, guest, 'on_helo')).toBe('it trapped: unreachable');
    expect([await called(guests, guest), await called(guests, guest)]).toEqual(['01', '02']);
    guests.discard(guest.service);
    expect(await called(guests, guest)).toBe('01');
  });

  it('does not for another service with the same plugin', async () => {
    const guests = new GuestRunner();
    const [first, second] = ['first', 'second'].map((name) => serviceOf(name, { callsPerInstance: 10 }));
    const module = moduleOf(counting());
    expect(await called(guests, { service: first!, module })).toBe('01');
    expect(await called(guests, { service: second!, module })).toBe('01');
    expect(await called(guests, { service: first!, module })).toBe('02');
  });

  it('goes when half of its memory is full', async () => {
    const growing = counting().replace('(call $done))', '(drop (memory.grow (i32.const 8))) (call $done))');
    const [guests, guest] = [
      new GuestRunner(),
      guestOf(growing, { callsPerInstance: 100, limits: { memoryMiB: 2 } }),
    ];
    const said = [];
    // Pages after each: 9, 17 of 32.
    for (let count = 0; count < 4; count++) said.push(await called(guests, guest));
    expect(said).toEqual(['01', '02', '01', '02']);
  });

  it('finds no variable and no block of the call before, but its memory', async () => {
    const guest = guestOf(
      `(global $kept (mut i64) (i64.const 0))
      (func (export "on_connect") (result i32) (local $at i64)
        (local.set $at (call $input_offset))
        (call $is (i64.eq (local.get $at) (global.get $kept)) (i32.const 0))
        (call $is (i32.wrap_i64 (call $length (global.get $kept))) (i32.const 0))
        (call $is (i32.wrap_i64 (call $var_get (call $block (i32.const 0) (i32.const 2)))) (i32.const 0))
        (call $var_set (call $block (i32.const 0) (i32.const 2)) (local.get $at))
        (global.set $kept (local.get $at))
        (i32.store (i32.const 2048) (i32.add (i32.load (i32.const 2048)) (i32.const 1)))
        (call $done))
      (func (export "on_helo") (result i32) (i32.load (i32.const 2048)))`,
      { callsPerInstance: 10 },
    );
    const guests = new GuestRunner();
    for (let count = 0; count < 3; count++) expect(await called(guests, guest)).toBe('');
    expect(await called(guests, guest, 'on_helo')).toBe('it returned 3');
  });
});
