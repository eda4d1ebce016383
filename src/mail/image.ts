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
