import { setImmediate } from 'node:timers/promises';
import type { Splice } from '../mail/image.ts';
import { notifyRefusal, type NotifyLeave } from '../ocp/notice.ts';
import type { Service } from '../ocp/service.ts';
import { HOST_MEMORY_LIMIT } from './blocks.ts';
import { hasWholeLineEndings, keepsEdges } from './edits.ts';
import type { Said } from './guest-call.ts';
import { cleanText, type LogLine } from './logbook.ts';
import { Liar } from './process-channel.ts';
import type { FrameLengths } from './process-frame.ts';
import type { HostMessage } from './process-message.ts';
import type { SaidMessage } from './process-wire.ts';
import { STATE_LIMIT } from './state-draft.ts';

/**
 * What a confined process says of a call, made into what a thread would have said. Whatever the code there holds a guest to is checked
 * again: what could not be, had that code done its work, is a lie, and the process is ended for it.
 */
export async function readSaid(
  said: { readonly message: SaidMessage; readonly octets: Uint8Array },
  about: {
    readonly service: Pick<Service, 'limits' | 'allowModify'>;
    readonly message: HostMessage | undefined;
    readonly notify: NotifyLeave | undefined;
    readonly outage: string | undefined;
  },
): Promise<Said> {
  const { service, message, notify, outage } = about;
  const { limits, allowModify } = service;
  const { fault, logs, memoryBytes, notifications = [] } = said.message;
  // Before its splices are judged, for which the message is read, too.
  const readBytes = message?.readBytes ?? 0;
  const parts = new Parts(said.octets);
  const output = said.message.output === undefined ? undefined : parts.take(said.message.output);
  const splices = said.message.splices.map(([offset, remove, length]): Splice => ({
    offset,
    remove,
    bytes: parts.take(length),
  }));
  const kept = said.message.state?.map(([key, length]) => [key, parts.take(length)] as const);
  parts.end();
  if ((output?.length ?? 0) > limits.outputBytes) throw new Liar('it let the output grow past its limit');
  if (memoryBytes > limits.memoryMiB * 1024 * 1024 + HOST_MEMORY_LIMIT) {
    throw new Liar('it says that it used more memory than it has');
  }
  if (splices.length > 0) {
    if (message === undefined || !allowModify) throw new Liar('it edits what it may not');
    await checkSplices(splices, { message, addedBytes: limits.addedBytes });
  }
  const mayNotify = notifications.every((one) => notify && notifyRefusal(one, notify) === undefined);
  if (!mayNotify) throw new Liar('it notifies whom it may not');
  return {
    fault: fault === undefined ? undefined : cleanFault(fault),
    outage,
    output,
    logs: checkedLogs(logs, limits.logBytes),
    memoryBytes,
    readBytes,
    splices,
    notifications,
    state: kept && checkedState(kept),
  };
}

/** The longest frame that a call can end with. */
export function saidLimits({ limits }: Pick<Service, 'limits'>): FrameLengths {
  // Lines of log and keys of state are text there: at most 6 octets for each of theirs, and some more for each line.
  return {
    json: 2 * 1024 * 1024 + 8 * limits.logBytes,
    octets: limits.outputBytes + limits.addedBytes + STATE_LIMIT,
  };
}

/** Characters of a cause; the longest is of `error_set`. */
const FAULT_LENGTH = 1000;

export const cleanFault = (fault: string): string => cleanText(Buffer.from(fault.slice(0, FAULT_LENGTH)));

/** As the log counts them; the last line, which says how much was dropped, comes on top. */
const LINE_OVERHEAD = 16;
const LAST_LINE = 100;

function checkedLogs(lines: readonly LogLine[], logBytes: number): LogLine[] {
  const length = lines.reduce((sum, { text }) => sum + text.length + LINE_OVERHEAD, 0);
  if (length > logBytes + LAST_LINE) throw new Liar('it let the log grow past its limit');
  return lines.map(({ level, text }) => ({ level, text: cleanText(Buffer.from(text)) }));
}

function checkedState(kept: readonly (readonly [string, Uint8Array])[]): Record<string, Uint8Array> {
  const size = kept.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + value.length, 0);
  if (size > STATE_LIMIT) throw new Liar('it let the state grow past its limit');
  // Else an empty key without a value could be there any number of times, and count for nothing.
  if (new Set(kept.map(([key]) => key)).size < kept.length)
    throw new Liar('it keeps two values under one key');
  // Copies: they are kept, and the frame need not be.
  return Object.fromEntries(kept.map(([key, value]) => [key, new Uint8Array(value)]));
}

async function checkSplices(
  splices: readonly Splice[],
  about: { message: HostMessage; addedBytes: number },
): Promise<void> {
  const { message, addedBytes } = about;
  const { size } = message.image;
  let added = 0;
  for (const { offset, remove, bytes } of splices) {
    if (offset + remove > size) throw new Liar('it edits octets that are not in the message');
    added += bytes.length;
  }
  if (added > addedBytes) throw new Liar('it adds more to the message than it may');
  const edges = await edgesOf(splices, message);
  if (message.broken !== undefined) return;
  const isSound = splices.every((splice) => keepsEdges(splice, (at) => edges.get(at) ?? -1));
  if (!isSound || !(await haveWholeLineEndings(splices))) {
    throw new Liar('its edits would let a CR or LF stand alone');
  }
}

/** Octets that are judged at once: a few milliseconds' work at most. */
const JUDGED_AT_ONCE = 1024 * 1024;

/** As `hasWholeLineEndings` of each, letting others have a turn: this is in the thread that serves all sessions. */
async function haveWholeLineEndings(splices: readonly Splice[]): Promise<boolean> {
  let judged = 0;
  for (const { bytes } of splices) {
    for (let at = 0; at < bytes.length; at += JUDGED_AT_ONCE) {
      // One octet more than it goes on by, so that no two neighbours are left out.
      const slice = bytes.subarray(at, at + JUDGED_AT_ONCE + 1);
      if (!hasWholeLineEndings(slice)) return false;
      judged += slice.length;
      if (judged < JUDGED_AT_ONCE) continue;
      judged = 0;
      await setImmediate();
    }
  }
  return true;
}

/** Octets that are read at once, since edits are often next to each other. */
const EDGE_WINDOW = 4096;

/** The octets before and after each place where a splice begins or ends. */
async function edgesOf(splices: readonly Splice[], message: HostMessage): Promise<Map<number, number>> {
  const places = splices.flatMap(({ offset, remove }) => [
    offset - 1,
    offset,
    offset + remove - 1,
    offset + remove,
  ]);
  const wanted = [...new Set(places)].filter((place) => place >= 0 && place < message.image.size);
  wanted.sort((first, second) => first - second);
  const edges = new Map<number, number>();
  let window: { start: number; octets: Uint8Array } = { start: 0, octets: new Uint8Array() };
  for (const place of wanted) {
    if (place >= window.start + window.octets.length) {
      window = { start: place, octets: await message.read(place, EDGE_WINDOW) };
      if (message.broken !== undefined) break;
    }
    edges.set(place, window.octets[place - window.start]!);
  }
  return edges;
}

/** The octets of a frame, in the order of what they belong to. */
class Parts {
  readonly #octets: Uint8Array;
  #at = 0;

  constructor(octets: Uint8Array) {
    this.#octets = octets;
  }

  take(length: number): Uint8Array {
    const part = this.#octets.subarray(this.#at, this.#at + length);
    if (part.length < length) throw new Liar('it sent fewer octets than it says');
    this.#at += length;
    return part;
  }

  end(): void {
    if (this.#at < this.#octets.length) throw new Liar('it sent more octets than it says');
  }
}
