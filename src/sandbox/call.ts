import type { Limits } from '../ocp/service.ts';
import type { Edits } from './edits.ts';
import type { HostLine } from './host-line.ts';
import { Logbook } from './logbook.ts';
import type { MessageView } from './message-view.ts';
import type { Notifications } from './notifications.ts';
import type { StateDraft } from './state-draft.ts';

/** Thrown into a guest to end its call. What counts is `Call.fault`: a guest may catch what is thrown through it. */
export class GuestFault extends Error {
  override readonly name = 'GuestFault';
}

/** What one call is about. */
export interface CallSetup {
  readonly limits: Limits;
  /** The service's settings as JSON. */
  readonly settings: Uint8Array;
  /** The facts, or for `configure` the settings. */
  readonly input: Uint8Array;
  /** At stage `message` only. */
  readonly view?: MessageView;
  /** At stage `message`, where `allowModify` is given. */
  readonly edits?: Edits;
  /** Where `notify` is granted. */
  readonly notifications?: Notifications;
  /** The transaction has it, so added header fields may have UTF-8 (RFC 6531). */
  readonly smtputf8: boolean;
  /** Absent for `configure`. */
  readonly state?: StateDraft;
  /** To what is outside the sandbox. Absent for `configure`. */
  readonly line?: HostLine;
  /** It may know the time of day to the millisecond, not only to the minute. */
  readonly knowsTime?: boolean;
}

/**
 * One call of a plugin while it runs: what it may use, what it has used, what it proposed. Every host call goes
 * through `enterCall`, which counts it. A fault is final: once set, every further host call fails, and the outcome is a
 * failure even if the guest catches the exception and returns 0.
 */
export class Call {
  readonly setup: CallSetup;
  log: Logbook;
  /** Why the call failed, once it has. */
  fault: string | undefined;
  /** What the guest has set as its output: a view of its host memory, read when the call is over. */
  output: Uint8Array | undefined;
  /** Octets of host memory that it has held at most (`blocks.ts`). */
  hostBytes = 0;
  /** Octets of the message that the guest was given. */
  readBytes = 0;
  /** What the last capability call of the guest was answered. */
  answer: Uint8Array | undefined;
  /** Which capability was out of order, and why, if one was. */
  outage: string | undefined;
  /** What a host call refused the guest last, and why, but for what it lacked or was out of order. */
  refusal: string | undefined;
  /** The number of the next block of host memory. */
  nextBlock = 1;
  #callsLeft: number;
  #memory: WebAssembly.Memory | undefined;
  #linearBytes = 0;
  #bytes: Uint8Array | undefined;

  constructor(setup: CallSetup) {
    this.setup = setup;
    this.log = new Logbook(setup.limits.logBytes);
    this.#callsLeft = setup.limits.hostCalls;
  }

  /** Once the instance exists. Before that, in a start function, host calls can't reach the memory. */
  attach(instance: { readonly memory: WebAssembly.Memory | undefined; readonly nextBlock: number }): void {
    this.#memory = instance.memory;
    this.nextBlock = instance.nextBlock;
  }

  /** Octets of memory that it has used: linear memory never shrinks, and of the host's it is the most at one time. */
  get memoryBytes(): number {
    return this.#linearBytes + this.hostBytes;
  }

  /** Once the guest has ended: whatever still refers to the call must not keep the guest's memory. */
  detach(): void {
    this.#linearBytes = this.#memory?.buffer.byteLength ?? 0;
    this.#memory = undefined;
    this.#bytes = undefined;
  }

  /** Ends the call: throws, and remembers the first cause. */
  fail(cause: string): never {
    this.fault ??= cause;
    throw new GuestFault(this.fault);
  }

  /** The result of a host call that is refused. */
  refuse(result: number, why: string): number {
    this.refusal = why;
    return result;
  }

  /** Why the guest has given up, with what it had been refused: most plugins can only say that something did not work. */
  giveUp(cause: string): string {
    return this.refusal === undefined
      ? cause
      : `${cause}; it had been refused: ${this.refusal.slice(0, 500)}`;
  }

  countHostCall(): void {
    if (this.fault !== undefined) throw new GuestFault(this.fault);
    if (--this.#callsLeft < 0) this.fail(`it made more than ${this.setup.limits.hostCalls} host calls`);
  }

  /** A range of the guest's memory, as a view: valid until the guest runs again. Outside it is a trap. */
  range(pointer: number, length: number): Uint8Array {
    const start = pointer >>> 0;
    const size = length >>> 0;
    const buffer = this.#memory?.buffer;
    if (buffer === undefined) this.fail('it made a host call from its start function');
    // Growing detaches the old buffer.
    if (this.#bytes?.buffer !== buffer) this.#bytes = new Uint8Array(buffer);
    const bytes = this.#bytes;
    if (start + size > bytes.length) {
      this.fail(`it named ${size} octets at ${start}, outside its memory of ${bytes.length}`);
    }
    return bytes.subarray(start, start + size);
  }

  /** Copies as much of `octets` as fits into the guest's memory; returns the length of the whole. */
  give(octets: Uint8Array, room: { pointer: number; capacity: number }): number {
    const target = this.range(room.pointer, room.capacity);
    target.set(octets.length > target.length ? octets.subarray(0, target.length) : octets);
    return octets.length;
  }
}

/** Where the host calls of a thread find the call under way: they are made once, calls come and go. */
export interface CallSlot {
  call: Call | undefined;
}

/** The call under way, one host call counted. */
export function enterCall(slot: CallSlot): Call {
  const { call } = slot;
  if (call === undefined) throw new GuestFault('no call is under way');
  call.countHostCall();
  return call;
}
