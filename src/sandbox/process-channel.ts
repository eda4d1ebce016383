import type { Readable, Writable } from 'node:stream';
import type { Told } from './process-wire.ts';
import { FRAME_HEAD, frameOf, readHead, splitFrame, type FrameLengths } from './process-frame.ts';

/** What a confined process says. */
export interface Frame {
  readonly message: unknown;
  readonly octets: Uint8Array;
}

/** A confined process has said what it may not. Its call has failed, and it is ended. */
export class Liar extends Error {
  override readonly name = 'Liar';
}

/**
 * Postern's end of the pipes to a confined process. What comes out of them may be anything, of any length: nothing is read but in a
 * turn of the process, and never more than what it may say there.
 */
export class ProcessChannel {
  readonly #input: Writable;
  #turn: Turn | undefined;
  #fault: Error | undefined;
  /** Octets. */
  #lastTold = 0;

  readonly #onFault: (fault: Error) => void;

  /** `ended` settles when the process has. `onFault` is told of that, and of a lie, also when nobody listens. */
  constructor(
    pipes: { input: Writable; output: Readable; ended: Promise<string> },
    onFault: (fault: Error) => void,
  ) {
    this.#input = pipes.input;
    this.#onFault = onFault;
    pipes.output.on('data', (octets: Buffer) => this.#take(octets));
    void pipes.ended.then((cause) => this.#fail(new Error(cause)));
  }

  /**
   * Says something and waits for what the process says to it. Throws a Liar, or an Error once the process has ended. What it does not
   * read is kept here; since it has read all before it speaks, if it is honest, it is ended when more waits for it than it was told last.
   */
  async ask(said: { message: Told; parts?: readonly Uint8Array[]; limits: FrameLengths }): Promise<Frame> {
    const answer = this.listen(said.limits);
    if (this.#input.writableLength > this.#lastTold) {
      this.#fail(new Liar('it speaks and does not read what it is told'));
      return answer;
    }
    const frame = frameOf(said.message, said.parts ?? []);
    this.#lastTold = frame.length;
    this.#input.write(frame);
    return answer;
  }

  /** Waits for what the process says without having been asked. */
  async listen(limits: FrameLengths): Promise<Frame> {
    return new Promise((resolve, reject) => {
      this.#turn = { limits, chunks: [], length: 0, due: undefined, resolve, reject };
      if (this.#fault !== undefined) this.#fail(this.#fault);
    });
  }

  #take(octets: Buffer): void {
    const turn = this.#turn;
    if (turn === undefined) return this.#fail(new Liar('it spoke out of turn'));
    turn.chunks.push(octets);
    turn.length += octets.length;
    if (turn.due === undefined && turn.length >= FRAME_HEAD) {
      turn.chunks = [Buffer.concat(turn.chunks)];
      const lengths = readHead(turn.chunks[0]!);
      if (lengths.json > turn.limits.json || lengths.octets > turn.limits.octets) {
        return this.#fail(new Liar(`it announced ${lengths.json} and ${lengths.octets} octets`));
      }
      turn.due = FRAME_HEAD + lengths.json + lengths.octets;
    }
    if (turn.due === undefined || turn.length < turn.due) return;
    if (turn.length > turn.due) return this.#fail(new Liar('it said more than one thing at a time'));
    this.#turn = undefined;
    const { json, octets: rest } = splitFrame(Buffer.concat(turn.chunks));
    try {
      turn.resolve({ message: JSON.parse(json), octets: rest });
    } catch {
      this.#turn = turn;
      this.#fail(new Liar('it said something that is not JSON'));
    }
  }

  #fail(fault: Error): void {
    if (this.#fault === undefined) {
      this.#fault = fault;
      this.#onFault(fault);
    }
    const turn = this.#turn;
    this.#turn = undefined;
    turn?.reject(this.#fault);
  }
}

interface Turn {
  readonly limits: FrameLengths;
  chunks: Buffer[];
  length: number;
  /** Octets of the whole frame, once its head is there. */
  due: number | undefined;
  readonly resolve: (frame: Frame) => void;
  readonly reject: (thrown: Error) => void;
}
