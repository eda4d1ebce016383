import type { CapabilityAnswer, CapabilityName } from '../ocp/capability.ts';

/**
 * How the code that runs a guest asks the main program for something: synchronously, since the guest's call waits. In a worker thread
 * it waits on shared memory, in a confined process on a pipe; what asks need not know which.
 */
export interface HostLine {
  /** Blocks until the answer is there. The call's deadline is watched from outside: past it this thread or process is ended. */
  ask(request: HostRequest): CapabilityAnswer;
}

/** Which service asks is no part of it: the main program knows whom it has put to work, and takes no guest's side word for it. */
export interface HostRequest {
  readonly capability: CapabilityName;
  /** A copy: it is handed over. */
  readonly octets: Uint8Array<ArrayBuffer>;
}
