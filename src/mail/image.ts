import type { SpoolHandle } from '../base/spool.ts';

/**
 * A message as the original in its spool plus splices: an ordered list of pieces, each a range of the original or
 * octets that a service added. Plain data: it crosses to the sandbox's and the store's threads as it is.
 * What no splice touched is never copied, so the cost follows the edit, not the message.
 */
export interface MessageImage {
  readonly spool: SpoolHandle;
  /** In order; no empty pieces; adjacent ranges of the original are merged. */
  readonly pieces: readonly Piece[];
  /** Octets in all: the sum over the pieces. */
  readonly size: number;
}

export type Piece =
  | { readonly from: 'original'; readonly offset: number; readonly length: number }
  | { readonly from: 'added'; readonly bytes: Uint8Array };

/** Replace `remove` octets at `offset` by `bytes`. Offsets are those of the image before any splice of the same set. */
export interface Splice {
  readonly offset: number;
  readonly remove: number;
  readonly bytes: Uint8Array;
}

/** Why something that a peer or a service gave cannot be used: a sentence for the log. A value, never thrown. */
export interface Problem {
  readonly problem: string;
}

export const isProblem = (value: object): value is Problem => 'problem' in value;

/** The message as it came. */
export function imageOf(handle: SpoolHandle): MessageImage {
  const pieces: Piece[] = handle.size === 0 ? [] : [{ from: 'original', offset: 0, length: handle.size }];
  return { spool: handle, pieces, size: handle.size };
}

export const pieceLength = (piece: Piece): number =>
  piece.from === 'original' ? piece.length : piece.bytes.length;

/**
 * The image with a set of splices applied all together, or the reason why none can be: a range that is not inside the
 * image, or two that overlap. The order of the set does not matter, but insertions at one place keep theirs, and come before
 * what a replacement at that place puts there. An insertion strictly inside a range that another splice removes overlaps it.
 *
 * Costs O(pieces + splices · log splices). Added octets are taken over, not copied, unless they are a view
 * of something larger (a guest's memory, a pool): the caller must not change them afterwards.
 */
export function applySplices(image: MessageImage, splices: readonly Splice[]): MessageImage | Problem {
  // Array.sort is stable: insertions at one place stay in the order given.
  const ordered = splices.toSorted(
    (a, b) => a.offset - b.offset || Number(a.remove > 0) - Number(b.remove > 0),
  );
  const problem = findProblem(image, ordered);
  if (problem !== undefined) return { problem };
  if (ordered.every((splice) => splice.remove === 0 && splice.bytes.length === 0)) return image;

  const result = new PieceList();
  const original = new PieceCursor(image.pieces);
  for (const splice of ordered) {
    original.copyUntil(splice.offset, result);
    if (splice.bytes.length > 0) result.append({ from: 'added', bytes: ownBytes(splice.bytes) });
    original.skipTo(splice.offset + splice.remove);
  }
  original.copyUntil(image.size, result);
  return { spool: image.spool, pieces: result.pieces, size: result.size };
}

function findProblem(image: MessageImage, ordered: readonly Splice[]): string | undefined {
  let end = 0;
  for (const { offset, remove } of ordered) {
    const numbers = Number.isSafeInteger(offset) && Number.isSafeInteger(remove);
    if (!numbers || offset < 0 || remove < 0 || offset + remove > image.size) {
      return `Cannot splice: ${remove} octets at ${offset} are not inside a message of ${image.size} octets`;
    }
    if (offset < end) return `Cannot splice: the range at ${offset} overlaps one that ends at ${end}`;
    end = offset + remove;
  }
  return undefined;
}

// A view of a larger buffer would keep that buffer alive and cross to other threads with the whole of it.
const ownBytes = (bytes: Uint8Array): Uint8Array =>
  bytes.byteLength === bytes.buffer.byteLength ? bytes : Uint8Array.prototype.slice.call(bytes);

class PieceList {
  readonly pieces: Piece[] = [];
  size = 0;

  append(piece: Piece): void {
    this.size += pieceLength(piece);
    const last = this.pieces.at(-1);
    if (
      piece.from === 'original' &&
      last?.from === 'original' &&
      last.offset + last.length === piece.offset
    ) {
      this.pieces[this.pieces.length - 1] = { ...last, length: last.length + piece.length };
      return;
    }
    this.pieces.push(piece);
  }
}

/** Walks the pieces of an image once, front to back. */
class PieceCursor {
  readonly #pieces: readonly Piece[];
  #index = 0;
  /** Offset in the image of the current piece, and of the cursor. */
  #pieceStart = 0;
  #position = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  copyUntil(offset: number, target: PieceList): void {
    while (this.#position < offset) {
      const piece = this.#pieces[this.#index]!;
      const from = this.#position - this.#pieceStart;
      const to = Math.min(offset - this.#pieceStart, pieceLength(piece));
      target.append(
        piece.from === 'original'
          ? { from: 'original', offset: piece.offset + from, length: to - from }
          : { from: 'added', bytes: piece.bytes.subarray(from, to) },
      );
      this.skipTo(this.#pieceStart + to);
    }
  }

  skipTo(offset: number): void {
    this.#position = offset;
    while (this.#index < this.#pieces.length) {
      const length = pieceLength(this.#pieces[this.#index]!);
      if (offset < this.#pieceStart + length) return;
      this.#pieceStart += length;
      this.#index++;
    }
  }
}
