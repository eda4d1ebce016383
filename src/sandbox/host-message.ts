import { enterCall, type Call, type CallSlot } from './call.ts';
import type { MimePart } from '../mail/mime-index.ts';
import type { AbiCall } from './imports.ts';
import type { MessageView } from './message-view.ts';
import { DENIED, INVALID, NOT_FOUND } from './result-codes.ts';

export type AbiFunctions<Names extends AbiCall> = Record<Names, (...args: number[]) => number>;

type ReadingCalls =
  Extract<AbiCall, `message_${string}`> | 'header_count' | 'header_find' | 'header_name' | 'header_value';
type PartCalls = 'part_count' | 'part_info' | 'part_read';

/** Why what is about the message is `DENIED`. */
export const NO_MESSAGE = 'at this stage there is no message';

/** The calls of `ocp_smtp_v1` that read the message. */
export function messageFunctions(slot: CallSlot): AbiFunctions<ReadingCalls | PartCalls> {
  const reading =
    (body: (context: { call: Call; view: MessageView }, ...args: number[]) => number) =>
    (...args: number[]): number => {
      const call = enterCall(slot);
      const { view } = call.setup;
      return view === undefined ? call.refuse(DENIED, NO_MESSAGE) : body({ call, view }, ...args);
    };
  /** Octets of the message that were copied: counted, so that it can be shown that a service reads none. */
  const given = (call: Call, copied: number): number => {
    call.readBytes += copied;
    return copied;
  };
  return {
    message_size: reading(({ view }) => view.size),
    message_read: reading(({ call, view }, offset, pointer, length) =>
      given(call, view.readInto(call.range(pointer, length), offset >>> 0)),
    ),
    header_count: reading(({ view }) => view.header.fields.length),
    header_find: reading(({ call, view }, pointer, length, nth) => {
      const name = latin1(call.range(pointer, length));
      return view.header.find(name, nth >>> 0) ?? NOT_FOUND;
    }),
    header_name: reading(({ call, view }, index, pointer, capacity) => {
      const name = view.header.name(index >>> 0);
      const room = { pointer: pointer, capacity: capacity };
      if (name === undefined) return noField(call, index);
      given(call, Math.min(name.length, capacity >>> 0));
      return call.give(Buffer.from(name, 'latin1'), room);
    }),
    header_value: reading(({ call, view }, index, pointer, capacity) => {
      const value = view.header.valueBytes(index >>> 0);
      const room = { pointer: pointer, capacity: capacity };
      if (value === undefined) return noField(call, index);
      given(call, Math.min(value.length, capacity >>> 0));
      return call.give(value, room);
    }),
    part_count: reading(({ view }) => view.parts.length),
    part_info: reading(({ call, view }, index, pointer, capacity) => {
      const part = view.parts[index >>> 0];
      const room = { pointer: pointer, capacity: capacity };
      return part === undefined ? noPart(call, index) : call.give(partFacts(view, part), room);
    }),
    part_read: reading(({ call, view }, index, offset, pointer, length) => {
      const part = view.parts[index >>> 0];
      const target = call.range(pointer, length);
      return part === undefined
        ? noPart(call, index)
        : given(call, view.partReader(part).readInto(target, offset >>> 0));
    }),
  };
}

const noField = (call: Call, index: number): number =>
  call.refuse(INVALID, `there is no header field ${index >>> 0}`);
const noPart = (call: Call, index: number): number => call.refuse(INVALID, `there is no part ${index >>> 0}`);

/** That the parts are not all there is said where nobody can miss it: every filter looks at part 0. */
function partFacts({ mime }: MessageView, part: MimePart): Buffer {
  const cut = part.index === 0 && !mime.complete;
  return Buffer.from(JSON.stringify(cut ? { ...part, complete: false } : part));
}

const latin1 = (octets: Uint8Array): string =>
  Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1');
