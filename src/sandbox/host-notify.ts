import { enterCall, type CallSlot } from './call.ts';
import { ERROR_CODES, REQUEST_LIMIT } from './host-capability.ts';
import type { AbiFunctions } from './host-message.ts';
import { DENIED, LIMIT } from './result-codes.ts';

/** The call of `ocp_smtp_v1` that proposes notices and incidents. Why one was refused is in the service's log. */
export function notifyFunctions(slot: CallSlot): AbiFunctions<'notify'> {
  return {
    notify(pointer, length) {
      const call = enterCall(slot);
      const request = call.range(pointer, length);
      const { notifications } = call.setup;
      if (notifications === undefined) return call.refuse(DENIED, 'notify is not granted');
      if (request.length > REQUEST_LIMIT) {
        return call.refuse(LIMIT, `a notice has at most ${REQUEST_LIMIT} octets`);
      }
      const refusal = notifications.propose(request);
      if (refusal === undefined) return 0;
      const why = `notify: ${refusal.error}: ${refusal.cause}`;
      call.log.add('debug', Buffer.from(why));
      return call.refuse(ERROR_CODES[refusal.error], why);
    },
  };
}
