import { enterCall, type CallSlot } from './call.ts';
import { guestClockMs } from './guest-clock.ts';

/**
 * WASI's `poll_oneoff` for a plugin, which has nothing to wait for but time: subscriptions to a clock are waited for, those
 * to a descriptor come back at once as bad. Go's runtime sleeps by it, even on its way out after a panic.
 *
 * The wait blocks the worker thread, as a loop of the plugin would: the call's deadline ends it.
 */
const SUCCESS = 0;
const BAD_DESCRIPTOR = 8;
const INVALID = 28;

const SUBSCRIPTION_SIZE = 48;
const EVENT_SIZE = 32;
const SUBSCRIPTIONS = 1024;
const TAG_CLOCK = 0;
const ABSOLUTE_TIME = 1;
const NANOSECONDS = 1e6;

const never = new Int32Array(new SharedArrayBuffer(4));

interface Subscription {
  readonly userdata: bigint;
  readonly tag: number;
  /** Milliseconds from now; undefined where there is nothing to wait for. */
  readonly wait: number | undefined;
  readonly error: number;
}

export function pollOneoff(slot: CallSlot) {
  return (subscriptions: number, events: number, count: number, written: number): number => {
    const call = enterCall(slot);
    if (count < 1 || count > SUBSCRIPTIONS) return INVALID;
    const asked = call.range(subscriptions, count * SUBSCRIPTION_SIZE);
    const list = Array.from({ length: count }, (_, index) => {
      call.countHostCall();
      const view = new DataView(asked.buffer, asked.byteOffset + index * SUBSCRIPTION_SIZE);
      return readSubscription(view, (clock) => guestClockMs(slot, clock));
    });
    const shortest = Math.min(...list.map(({ wait }) => wait ?? 0));
    if (shortest > 0) Atomics.wait(never, 0, 0, shortest);

    const due = list.filter(({ wait }) => wait === undefined || wait <= shortest);
    const room = call.range(events, due.length * EVENT_SIZE);
    room.fill(0);
    for (const [index, { userdata, tag, error }] of due.entries()) {
      const event = new DataView(room.buffer, room.byteOffset + index * EVENT_SIZE);
      event.setBigUint64(0, userdata, true);
      event.setUint16(8, error, true);
      event.setUint8(10, tag);
    }
    const total = call.range(written, 4);
    new DataView(total.buffer, total.byteOffset).setUint32(0, due.length, true);
    return SUCCESS;
  };
}

function readSubscription(view: DataView, nowMs: (clock: number) => number | undefined): Subscription {
  const userdata = view.getBigUint64(0, true);
  const tag = view.getUint8(8);
  if (tag !== TAG_CLOCK) return { userdata, tag, wait: undefined, error: BAD_DESCRIPTOR };
  const now = nowMs(view.getUint32(16, true));
  if (now === undefined) return { userdata, tag, wait: undefined, error: INVALID };
  const timeout = Number(view.getBigUint64(24, true)) / NANOSECONDS;
  const isAbsolute = (view.getUint16(40, true) & ABSOLUTE_TIME) !== 0;
  return { userdata, tag, wait: Math.max(0, isAbsolute ? timeout - now : timeout), error: SUCCESS };
}
