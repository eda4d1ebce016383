import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import type { CapabilityAnswer } from '../ocp/capability.ts';
import type { HostLine, HostRequest } from './host-line.ts';
import type { Report } from './wire.ts';

/**
 * The line from a worker thread to the main one: the request goes over the thread's port; the thread sleeps on four shared octets until
 * it is woken, and takes the answer from the port. Nothing else can be there: the pool sends no task to a thread that is at work.
 */
export class ThreadLine implements HostLine {
  readonly #port: MessagePort;
  readonly #bell: Int32Array;

  constructor(port: MessagePort, shared: SharedArrayBuffer) {
    this.#port = port;
    this.#bell = new Int32Array(shared);
  }

  ask(request: HostRequest): CapabilityAnswer {
    const report: Report = { kind: 'request', request };
    Atomics.store(this.#bell, 0, 0);
    this.#port.postMessage(report, [request.octets.buffer]);
    // Without a limit of its own: the pool ends this thread when the call's deadline has passed.
    Atomics.wait(this.#bell, 0, 0);
    return receiveMessageOnPort(this.#port)!.message;
  }
}

/** The main thread's end: hands the answer over and wakes the thread. */
export function answerThread(port: MessagePort, told: { bell: Int32Array; answer: CapabilityAnswer }): void {
  const { bell, answer } = told;
  if (answer.kind === 'answer') {
    // A copy of just these octets: what a view lies in may hold more than is meant for a guest, and would go along whole.
    const octets = new Uint8Array(answer.octets);
    port.postMessage({ ...answer, octets }, [octets.buffer]);
  } else {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this port is between threads
    port.postMessage(answer);
  }
  Atomics.store(bell, 0, 1);
  Atomics.notify(bell, 0);
}
