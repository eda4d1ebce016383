import { enterCall, type CallSlot } from './call.ts';
import type { AbiFunctions } from './host-message.ts';
import { DENIED, INVALID, LIMIT, NOT_FOUND } from './result-codes.ts';
import { STATE_LIMIT } from './state-draft.ts';

/** The calls of `ocp_smtp_v1` that keep something from one call of a transaction to the next. */
export function stateFunctions(slot: CallSlot): AbiFunctions<'state_get' | 'state_set'> {
  return {
    state_get(keyPointer, keyLength, pointer, capacity) {
      const call = enterCall(slot);
      const { state } = call.setup;
      if (state === undefined) return DENIED;
      const key = readText(call.range(keyPointer, keyLength));
      if (key === undefined) return INVALID;
      const value = state.get(key);
      return value === undefined ? NOT_FOUND : call.give(value, { pointer: pointer, capacity: capacity });
    },
    state_set(keyPointer, keyLength, pointer, length) {
      const call = enterCall(slot);
      const { state } = call.setup;
      if (state === undefined) return DENIED;
      const key = readText(call.range(keyPointer, keyLength));
      const value = call.range(pointer, length);
      if (key === undefined) return INVALID;
      if (state.set(key, value)) return 0;
      return call.refuse(LIMIT, `its state would have more than ${STATE_LIMIT} octets`);
    },
  };
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a guest, undefined if it is not UTF-8. */
export function readText(octets: Uint8Array): string | undefined {
  try {
    return UTF8.decode(octets);
  } catch {
    return undefined;
  }
}
