import { Message } from '../../../sdk/assemblyscript';
import { octetsOf } from '../../../sdk/assemblyscript/text/octets';
import { Sink } from '../../../sdk/assemblyscript/text/sink';

/** One character of the text is one octet. */
export function replaceOctets(start: i32, end: i32, text: string): void {
  Message.splice(start, end - start, octetsOf(text));
}

/** One for all: nothing is freed before the call ends, and there may be a thousand parts. */
const buffer = new Uint8Array(64 * 1024);

/** Puts what it takes in the place of a range of the message, a chunk at a time: a body may have any size. One at a time. */
export class Replacement extends Sink {
  private start: i32;
  private stop: i32;
  private length: i32 = 0;
  private begun: bool = false;

  constructor(start: i32, stop: i32) {
    super();
    this.start = start;
    this.stop = stop;
  }

  put(octet: i32): void {
    // Not between CR and LF: the host takes no half of a line end.
    if (this.length >= buffer.length - 1 && octet != 10) this.flush();
    unchecked((buffer[this.length++] = <u8>octet));
  }

  text(text: string): void {
    for (let i = 0; i < text.length; i++) this.put(text.charCodeAt(i));
  }

  /** To be called once, when all is there. */
  finish(): void {
    if (this.length > 0 || !this.begun) this.flush();
  }

  private flush(): void {
    const octets = buffer.subarray(0, this.length);
    if (this.begun) Message.splice(this.stop, 0, octets);
    else Message.splice(this.start, this.stop - this.start, octets);
    this.begun = true;
    this.length = 0;
  }
}
