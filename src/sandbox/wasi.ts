import { randomFillSync } from 'node:crypto';
import { enterCall, type CallSlot } from './call.ts';
import { guestClockMs, guestClockStepMs } from './guest-clock.ts';
import { WASI_REFUSED, type WasiCall } from './imports.ts';
import { pollOneoff } from './wasi-poll.ts';

/**
 * A shim of WASI preview 1 for plugins whose compiler insists on it: the clock, random numbers, and standard output and error as
 * log lines. There are no files, no arguments, no environment and no network, and Node's own WASI, which is no sandbox,
 * has no part in it.
 */
export type WasiFunctions = Record<string, (...args: never[]) => number | void>;

const SUCCESS = 0;
const BAD_DESCRIPTOR = 8;
const INVALID = 28;
const NOT_SUPPORTED = 52;

const STDOUT = 1;
const STDERR = 2;
const VECTORS = 1024;

export function wasiFunctions(slot: CallSlot): WasiFunctions {
  const writeNumbers = (pointer: number, ...values: number[]): number => {
    const range = enterCall(slot).range(pointer, values.length * 4);
    const view = new DataView(range.buffer, range.byteOffset, range.byteLength);
    for (const [index, value] of values.entries()) view.setUint32(index * 4, value, true);
    return SUCCESS;
  };
  const answer = (code: number) => () => {
    enterCall(slot);
    return code;
  };
  const writeClock = (pointer: number, nanoseconds: bigint): number => {
    const range = enterCall(slot).range(pointer, 8);
    new DataView(range.buffer, range.byteOffset, 8).setBigUint64(0, nanoseconds, true);
    return SUCCESS;
  };
  const known: Record<WasiCall, (...args: never[]) => number | void> = {
    args_get: answer(SUCCESS),
    args_sizes_get: (count: number, size: number) => writeNumbers(count, 0) || writeNumbers(size, 0),
    environ_get: answer(SUCCESS),
    environ_sizes_get: (count: number, size: number) => writeNumbers(count, 0) || writeNumbers(size, 0),
    clock_res_get(clock: number, pointer: number) {
      const milliseconds = guestClockStepMs(slot, clock);
      return milliseconds === undefined ? INVALID : writeClock(pointer, BigInt(milliseconds) * MILLISECOND);
    },
    clock_time_get(clock: number, _precision: bigint, pointer: number) {
      const milliseconds = guestClockMs(slot, clock);
      if (milliseconds === undefined) return INVALID;
      return writeClock(pointer, BigInt(milliseconds) * MILLISECOND);
    },
    fd_write(descriptor: number, vectors: number, count: number, written: number) {
      const call = enterCall(slot);
      if (descriptor !== STDOUT && descriptor !== STDERR) return BAD_DESCRIPTOR;
      if (count < 0 || count > VECTORS) return INVALID;
      const list = call.range(vectors, count * 8);
      const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
      let total = 0;
      for (let index = 0; index < count; index++) {
        call.countHostCall();
        const octets = call.range(view.getUint32(index * 8, true), view.getUint32(index * 8 + 4, true));
        if (octets.length > 0) call.log.add(descriptor === STDOUT ? 'info' : 'warn', octets);
        total += octets.length;
      }
      return writeNumbers(written, total);
    },
    fd_close: answer(BAD_DESCRIPTOR),
    fd_fdstat_get: answer(BAD_DESCRIPTOR),
    // The C library asks for preopened directories until it hears this.
    fd_prestat_get: answer(BAD_DESCRIPTOR),
    fd_read: answer(BAD_DESCRIPTOR),
    poll_oneoff: pollOneoff(slot),
    proc_exit(code: number) {
      const call = enterCall(slot);
      call.fail(call.giveUp(`it called proc_exit(${code})`));
    },
    random_get(pointer: number, length: number) {
      randomFillSync(enterCall(slot).range(pointer, length));
      return SUCCESS;
    },
    sched_yield: answer(SUCCESS),
  };
  return { ...known, ...Object.fromEntries(WASI_REFUSED.map((name) => [name, answer(NOT_SUPPORTED)])) };
}

const MILLISECOND = 1_000_000n;
