import type { CapabilityError, CapabilityName } from '../ocp/capability.ts';
import { enterCall, type CallSlot } from './call.ts';
import type { AbiFunctions } from './host-message.ts';
import type { AbiCall } from './imports.ts';
import { outageOf } from './outage.ts';
import { DENIED, INVALID, LIMIT, NOT_FOUND, UNAVAILABLE } from './result-codes.ts';

/** Octets of one request to a capability, its line and what follows it (`sdk/ABI.md`). */
export const REQUEST_LIMIT = 8 * 1024 * 1024;

export const ERROR_CODES: Readonly<Record<CapabilityError, number>> = {
  INVALID,
  NOT_FOUND,
  DENIED,
  LIMIT,
  UNAVAILABLE,
};

/**
 * The calls of `ocp_smtp_v1` that reach outside the sandbox: one for each capability that the host offers, which takes a request and
 * returns the length of the answer, and one that reads the answer. What is asked is not understood here.
 */
export function capabilityFunctions(
  slot: CallSlot,
): AbiFunctions<Exclude<Extract<AbiCall, CapabilityName>, 'notify'> | 'answer_read'> {
  const asking =
    (capability: CapabilityName) =>
    (pointer: number, length: number): number => {
      const call = enterCall(slot);
      const request = call.range(pointer, length);
      call.answer = undefined;
      const { line } = call.setup;
      const refuse = (error: CapabilityError, cause: string): number =>
        call.refuse(ERROR_CODES[error], `${capability}: ${error}: ${cause}`);
      if (line === undefined) return refuse('DENIED', 'nothing outside can be asked in configure');
      if (request.length > REQUEST_LIMIT) {
        return refuse(
          'LIMIT',
          `the request has ${request.length} octets, at most ${REQUEST_LIMIT} are allowed`,
        );
      }
      const answer = line.ask({ capability, octets: new Uint8Array(request) });
      if (answer.kind === 'answer') {
        call.answer = answer.octets;
        return answer.octets.length;
      }
      const { error, cause } = answer;
      call.log.add('debug', Buffer.from(`${capability}: ${error}: ${cause}`));
      const outage = outageOf(capability, answer);
      call.outage ??= outage;
      // That there is none is an answer like others.
      return outage === undefined && error !== 'NOT_FOUND' ? refuse(error, cause) : ERROR_CODES[error];
    };
  return {
    auth: asking('auth'),
    blob: asking('blob'),
    clock: asking('clock'),
    directory: asking('directory'),
    dns: asking('dns'),
    http: asking('http'),
    key: asking('key'),
    kv: asking('kv'),
    scan: asking('scan'),
    answer_read(offset, pointer, length) {
      const call = enterCall(slot);
      const target = call.range(pointer, length);
      const octets = call.answer?.subarray(offset >>> 0).subarray(0, target.length);
      if (octets === undefined) return 0;
      target.set(octets);
      return octets.length;
    },
  };
}
