/**
 * The values that a service keeps from one message to the next: each service has its own, found by a key. Every change is on disk when its
 * promise resolves, and atomic, whoever else changes the same key. A store that is out of order rejects with an
 * OperationalError `store_unavailable`.
 *
 * A revision is a number that no two values ever share, not even of a key that was deleted and came back. Times are milliseconds
 * since the epoch; from `expiresAt` on a value is gone.
 */
export interface KeyValues {
  get(at: KeyAt): Promise<KeyValue | undefined>;
  put(request: PutRequest): Promise<PutResult>;
  increment(request: IncrementRequest): Promise<IncrementResult>;
  /** Whether there was one. */
  remove(at: KeyAt): Promise<boolean>;
}

export interface KeyAt {
  readonly service: string;
  readonly key: string;
  readonly now: number;
}

export interface KeyValue {
  readonly value: Uint8Array;
  readonly revision: number;
  /** Undefined: never. */
  readonly expiresAt: number | undefined;
}

/** What a service may keep at a time: so many keys, and so many octets of keys and values together. */
export interface KeyQuota {
  readonly keys: number;
  readonly bytes: number;
}

export interface PutRequest extends KeyAt {
  readonly value: Uint8Array;
  readonly expiresAt: number | undefined;
  /** Only if the value that is there has this revision; 0: only if there is none. Undefined: in any case. */
  readonly revision: number | undefined;
  readonly quota: KeyQuota;
}

export type PutResult =
  | { readonly kind: 'stored'; readonly revision: number }
  /** It has another revision than was asked for; 0: there is none. */
  | { readonly kind: 'changed'; readonly revision: number }
  /** The quota would be passed. */
  | { readonly kind: 'full' };

/** Adds to a value that is a whole number in decimal digits; one that is not there counts as 0. */
export interface IncrementRequest extends KeyAt {
  readonly by: number;
  /** Of a value that this makes; one that was there keeps its own. */
  readonly expiresAt: number | undefined;
  readonly quota: KeyQuota;
}

/** Whether a text is a number that can be added to, written in the one way that there is for it. */
export const isDecimal = (text: string): boolean => /^(?:0|-?[1-9][0-9]{0,15})$/.test(text);

export type IncrementResult =
  | {
      readonly kind: 'counted';
      readonly value: number;
      readonly revision: number;
      readonly expiresAt: number | undefined;
    }
  /** What is there is no such number, or the sum is beyond 2^53. */
  | { readonly kind: 'unfit' }
  | { readonly kind: 'full' };
