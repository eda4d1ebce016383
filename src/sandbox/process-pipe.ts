import { readSync, writeSync } from 'node:fs';
import type { CapabilityAnswer } from '../ocp/capability.ts';
import type { HostLine, HostRequest } from './host-line.ts';
import { FRAME_HEAD, frameOf, readHead, splitFrame } from './process-frame.ts';
import type { Told } from './process-wire.ts';

const INPUT = 0;
const OUTPUT = 1;
const READ_BYTES = 128 * 1024;

/** A confined process's end of its pipes. Where Postern is gone there is nothing left to do, so the process ends. */
export class HostPipe implements HostLine {
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES);

  say(message: object, parts: readonly Uint8Array[] = []): void {
    const frame = frameOf(message, parts);
    for (let at = 0; at < frame.length;) at += writeSync(OUTPUT, frame, at);
  }

  /** Waits for what Postern says. Its octets are valid until it says something again. */
  listen(): TellingFrame {
    let buffer = this.#buffer;
    let length = 0;
    for (let due = FRAME_HEAD; length < due;) {
      const count = readSync(INPUT, buffer, length, buffer.length - length, null);
      if (count === 0) process.exit(0);
      length += count;
      if (length < FRAME_HEAD || due > FRAME_HEAD) continue;
      const lengths = readHead(buffer);
      due = FRAME_HEAD + lengths.json + lengths.octets;
      if (due > buffer.length) buffer = Buffer.concat([buffer.subarray(0, length)], due);
    }
    const { json, octets } = splitFrame(buffer.subarray(0, length));
    // Postern is believed.
    const message: Told = JSON.parse(json);
    return { message, octets };
  }

  askFor(message: object, parts: readonly Uint8Array[] = []): TellingFrame {
    this.say(message, parts);
    return this.listen();
  }

  ask({ capability, octets }: HostRequest): CapabilityAnswer {
    const { message, octets: told } = this.askFor({ kind: 'ask', capability }, [octets]);
    if (message.kind === 'answer' && message.refused !== undefined)
      return { kind: 'refused', ...message.refused };
    // A copy: a guest reads it after other things have been said.
    return { kind: 'answer', octets: new Uint8Array(told) };
  }
}

interface TellingFrame {
  readonly message: Told;
  readonly octets: Uint8Array;
}
