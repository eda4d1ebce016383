import type { ByteSource } from '../base/bytes.ts';
import type { SyncByteSource } from '../base/spool.ts';
import { pieceLength, type MessageImage, type Piece } from './image.ts';

/**
 * Reads an image by range, synchronously: for worker threads, over `openSpool(image.spool)`.
 * A read finds its first piece by binary search, so it costs O(log pieces + pieces touched + octets).
 */
export class SyncImageReader implements SyncByteSource {
  readonly size: number;
  readonly #original: SyncByteSource;
  readonly #pieces: readonly Piece[];
  readonly #starts: Float64Array;

  /** The reader uses `original` and closes it with itself. */
  constructor(original: SyncByteSource, image: MessageImage) {
    this.size = image.size;
    this.#original = original;
    this.#pieces = image.pieces;
    this.#starts = startsOf(image.pieces);
  }

  readInto(target: Uint8Array, offset: number): number {
    const wanted = wantedLength(this.size, { offset, length: target.length });
    let done = 0;
    for (let index = pieceAt(this.#starts, offset); done < wanted; index++) {
      const piece = this.#pieces[index]!;
      const within = offset + done - this.#starts[index]!;
      const length = Math.min(wanted - done, pieceLength(piece) - within);
      const part = target.subarray(done, done + length);
      if (piece.from === 'added') {
        part.set(piece.bytes.subarray(within, within + length));
      } else if (readFully(this.#original, part, piece.offset + within) < length) {
        throw new Error(`Cannot read the spool: it ends before octet ${piece.offset + within + length}`);
      }
      done += length;
    }
    return wanted;
  }

  close(): void {
    this.#original.close();
  }
}

/** An image over its spool (or any source of the original's octets), asynchronously. */
export function imageSource(original: ByteSource, image: MessageImage): ByteSource {
  const starts = startsOf(image.pieces);

  async function readPiece(index: number, range: { offset: number; length: number }): Promise<Uint8Array> {
    const piece = image.pieces[index]!;
    const within = range.offset - starts[index]!;
    const length = Math.min(range.length, pieceLength(piece) - within);
    return piece.from === 'added'
      ? piece.bytes.subarray(within, within + length)
      : original.read(piece.offset + within, length);
  }

  return {
    size: image.size,
    async read(offset, length) {
      const wanted = wantedLength(image.size, { offset, length });
      if (wanted === 0) return new Uint8Array(0);
      let index = pieceAt(starts, offset);
      const first = await readPiece(index, { offset, length: wanted });
      if (first.length === wanted) return first; // mostly: no copy
      const whole = new Uint8Array(wanted);
      whole.set(first);
      for (let done = first.length; done < wanted;) {
        index = pieceAt(starts, offset + done);
        const part = await readPiece(index, { offset: offset + done, length: wanted - done });
        if (part.length === 0)
          throw new Error(`Cannot read the spool: it ends before octet ${offset + wanted}`);
        whole.set(part, done);
        done += part.length;
      }
      return whole;
    },
  };
}

function wantedLength(size: number, range: { offset: number; length: number }): number {
  return range.offset < 0 ? 0 : Math.max(0, Math.min(range.length, size - range.offset));
}

function startsOf(pieces: readonly Piece[]): Float64Array {
  const starts = new Float64Array(pieces.length);
  let offset = 0;
  for (const [index, piece] of pieces.entries()) {
    starts[index] = offset;
    offset += pieceLength(piece);
  }
  return starts;
}

/** The last piece that starts at or before `offset`. */
function pieceAt(starts: Float64Array, offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (starts[middle]! <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function readFully(source: SyncByteSource, target: Uint8Array, offset: number): number {
  let done = 0;
  while (done < target.length) {
    const count = source.readInto(done === 0 ? target : target.subarray(done), offset + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
