import { CHUNK_SIZE, type ByteSource } from '../base/bytes.ts';

/**
 * A message as it goes over the wire after 354: dots doubled at the start of lines, a final CRLF if there is none,
 * then `.` CRLF (RFC 5321 section 4.5.2). In pieces of about 64 KiB; the end is part of the last piece, so that a
 * small message is one write and no piece waits for a delayed ACK.
 *
 * Lines end with CRLF when they get here. Should a bare CR or LF come all the same, the encoder says so and the
 * caller must break the connection off: a downstream that takes it for a line ending could be made to see the end
 * of the message, and commands behind it, where there are none.
 */
export interface WirePiece {
  readonly octets: Buffer;
  /** The end of the message is in it. */
  readonly last: boolean;
}

const DOT = 46;
const CR = 13;
const LF = 10;

/** Encodes a message piece by piece. */
export class BodyEncoder {
  readonly #source: ByteSource;
  #offset = 0;
  #lineStart = true;
  /** The last piece ended between CR and LF; the CR is held back until its LF is seen. */
  #heldCr = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** The next piece, or `bare` for a bare CR or LF. Rejects if the source can't be read or ends before its size. */
  async next(): Promise<WirePiece | 'bare'> {
    const { size } = this.#source;
    if (size === 0) return { octets: Buffer.from('.\r\n'), last: true };
    const read = await this.#source.read(this.#offset, CHUNK_SIZE);
    if (read.length === 0)
      throw new Error(`Cannot read the message: it ends at ${this.#offset} of ${size} octets`);
    this.#offset += read.length;
    const last = this.#offset >= size;
    const whole = Buffer.from(read.buffer, read.byteOffset, read.length);
    const cutCr = whole[whole.length - 1] === CR;
    const chunk = cutCr ? whole.subarray(0, -1) : whole;
    if (last && cutCr) return 'bare';

    const dots = this.#dots(chunk);
    if (dots === undefined) return 'bare';
    const head = this.#heldCr ? '\r' : '';
    this.#heldCr = cutCr;
    const tail = !last ? '' : this.#lineStart ? '.\r\n' : '\r\n.\r\n';
    return { octets: compose(chunk, { dots, head, tail }), last };
  }

  /** Where a dot begins a line, and moves on to the end of the chunk; undefined if a line ending is bare. */
  #dots(chunk: Buffer): number[] | undefined {
    const dots: number[] = [];
    let position = 0;
    if (this.#heldCr) {
      if (chunk[0] !== LF) return undefined;
      this.#lineStart = true;
      position = 1;
    }
    for (;;) {
      if (position < chunk.length) {
        if (this.#lineStart && chunk[position] === DOT) dots.push(position);
        this.#lineStart = false;
      }
      const cr = chunk.indexOf(CR, position);
      const lf = chunk.indexOf(LF, position);
      if (cr === -1 && lf === -1) return dots;
      if (cr === -1 || lf !== cr + 1) return undefined;
      position = lf + 1;
      this.#lineStart = true;
    }
  }
}

/** The chunk with its dots doubled, between head and tail; the chunk itself where there is nothing to add. */
function compose(chunk: Buffer, parts: { dots: readonly number[]; head: string; tail: string }): Buffer {
  const { dots, head, tail } = parts;
  if (dots.length === 0 && head === '' && tail === '') return chunk;
  const octets = Buffer.allocUnsafe(head.length + chunk.length + dots.length + tail.length);
  let written = octets.write(head, 'latin1');
  let copied = 0;
  for (const dot of dots) {
    // Up to the dot and with it; the next range begins with the same dot again.
    written += chunk.copy(octets, written, copied, dot + 1);
    copied = dot;
  }
  written += chunk.copy(octets, written, copied);
  octets.write(tail, written, 'latin1');
  return octets;
}
