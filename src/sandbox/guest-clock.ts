import type { CallSlot } from './call.ts';

/**
 * The clocks of a guest, by the numbers that WASI gives them, in whole milliseconds: enough for time-outs, too coarse to measure other
 * tenants of the machine by. The time of day is told in whole minutes where the capability `clock` is not granted; the other
 * clock counts from the start of the thread, which says nothing of the time of day, and goes on evenly, as Go's runtime needs it to.
 */
const REALTIME = 0;
const MONOTONIC = 1;

/** Undefined for a clock that does not exist. */
export function guestClockStepMs({ call }: CallSlot, clock: number): number | undefined {
  if (clock === MONOTONIC) return 1;
  if (clock !== REALTIME) return undefined;
  return call?.setup.knowsTime === true ? 1 : 60_000;
}

/** Milliseconds, since the epoch for the time of day. Undefined for a clock that does not exist. */
export function guestClockMs(slot: CallSlot, clock: number): number | undefined {
  const stepMs = guestClockStepMs(slot, clock);
  if (stepMs === undefined) return undefined;
  const nowMs = clock === REALTIME ? Date.now() : performance.now();
  return Math.floor(nowMs / stepMs) * stepMs;
}
