import type { SyncByteSource } from '../base/spool.ts';
import type { MimePart } from './mime-index.ts';
import { createDecoder, type Decoder } from './part-decoder.ts';

/** Encoded octets that are decoded at once. */
const STEP = 32 * 1024;

/**
 * The body of one part with its Content-Transfer-Encoding undone, read by decoded offset. For worker threads.
 *
 * Reading front to back costs one pass and holds one step in memory; going back before the step at hand starts
 * a new pass. A multipart and an unencoded part are read in place, at any offset. (RFC 2045 section 6.4 allows a multipart no
 * encoding; mail clients ignore one that is given.)
 */
export class PartReader {
  readonly #source: SyncByteSource;
  readonly #start: number;
  readonly #end: number;
  readonly #encoding: string;
  readonly #inPlace: boolean;
  readonly #encoded = new Uint8Array(STEP);
  #decoder: Decoder;
  /** Next encoded octet to decode. */
  #position: number;
  /** The step at hand, and the decoded offset where it starts. */
  #decoded: Uint8Array = new Uint8Array(0);
  #decodedStart = 0;

  constructor(source: SyncByteSource, part: MimePart) {
    this.#source = source;
    this.#start = part.offset + part.headerSize;
    this.#end = this.#start + part.size;
    this.#encoding = part.encoding;
    this.#inPlace =
      part.type.startsWith('multipart/') || !['base64', 'quoted-printable'].includes(part.encoding);
    this.#position = this.#start;
    this.#decoder = createDecoder(part.encoding);
  }

  /** Copies decoded octets from `offset` into `target`; returns how many, fewer only at the end. */
  readInto(target: Uint8Array, offset: number): number {
    if (this.#inPlace) return this.#readInPlace(target, offset);
    if (offset < this.#decodedStart) this.#restart();
    let done = 0;
    while (done < target.length) {
      const from = offset + done - this.#decodedStart;
      if (from < this.#decoded.length) {
        const part = this.#decoded.subarray(from, from + target.length - done);
        target.set(part, done);
        done += part.length;
      } else if (!this.#decodeStep()) {
        break;
      }
    }
    return done;
  }

  #readInPlace(target: Uint8Array, offset: number): number {
    const wanted = Math.max(0, Math.min(target.length, this.#end - this.#start - offset));
    return wanted === 0 ? 0 : this.#source.readInto(target.subarray(0, wanted), this.#start + offset);
  }

  /** False if the part is at its end. */
  #decodeStep(): boolean {
    if (this.#position === this.#end) return false;
    const encoded = this.#encoded.subarray(0, Math.min(STEP, this.#end - this.#position));
    const length = this.#source.readInto(encoded, this.#position);
    if (length === 0) throw new Error(`Cannot read a part: the message ends before octet ${this.#end}`);
    this.#position += length;
    this.#decodedStart += this.#decoded.length;
    this.#decoded = this.#decoder.decode(encoded.subarray(0, length), this.#position === this.#end);
    return true;
  }

  #restart(): void {
    this.#position = this.#start;
    this.#decoded = new Uint8Array(0);
    this.#decodedStart = 0;
    this.#decoder = createDecoder(this.#encoding);
  }
}
