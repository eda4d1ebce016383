import type { CallSlot } from './call.ts';
import { capabilityFunctions } from './host-capability.ts';
import { editFunctions } from './host-edits.ts';
import { notifyFunctions } from './host-notify.ts';
import { messageFunctions, type AbiFunctions } from './host-message.ts';
import { stateFunctions } from './host-state.ts';
import type { AbiCall } from './imports.ts';

/** All calls of `ocp_smtp_v1` (`sdk/ABI.md`). They act on the call in the slot. */
export function abiFunctions(slot: CallSlot): AbiFunctions<AbiCall> {
  return {
    ...messageFunctions(slot),
    ...editFunctions(slot),
    ...stateFunctions(slot),
    ...capabilityFunctions(slot),
    ...notifyFunctions(slot),
  };
}
