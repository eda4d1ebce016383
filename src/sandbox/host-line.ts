import type { CapabilityAnswer, CapabilityName } from '../ocp/capability.ts';

/**
 * How the code that runs a guest asks the main program for something: synchronously, since the guest's call waits. In a worker thread
 * it waits on shared memory, in a confined process on a pipe; what asks need not know which.
 */
export interface HostLine {
  /** Blocks until the answer is there. The call's deadline is watched from outside: past it this thread or process is ended. */
  ask(request: HostRequest): CapabilityAnswer;
}

export interface HostRequest {
  readonly service: string;
  readonly capability: CapabilityName;
  readonly octets: Uint8Array;
}
