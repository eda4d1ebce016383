import type { Cipher } from './enveloped.ts';
import type { Entity } from './entity.ts';

/** One wrapping of a message, from the outside in. */
export type Layer = EncryptedLayer | SignedLayer;

interface EncryptedLayer {
  readonly kind: 'encrypted';
  readonly result: 'opened' | 'failed';
}

export interface SignedLayer {
  readonly kind: 'signed';
  /** `bad`: what was signed is not what is there; `untrusted`: it fits, but is not believed to be from whom From names. */
  readonly result: 'good' | 'bad' | 'untrusted';
  /** Why not; '' if good. In words of ours. */
  readonly reason: string;
}

export const bad = (reason: string): SignedLayer => ({ kind: 'signed', result: 'bad', reason });

/** A signature that can't be read. */
export const BAD = bad('the signature cannot be read');

/** What is in a wrapping; `inner` is absent where it can't be opened, and where the signed content stays as it is. */
export interface Unwrapped {
  readonly layer: Layer;
  /** Signatures in the same wrapping. */
  readonly beside?: readonly Layer[];
  readonly inner?: Buffer<ArrayBuffer>;
  /** False for a cipher that lets others change what it covers. */
  readonly authenticated?: boolean;
}

/** S/MIME or OpenPGP, with the keys that are at hand. */
export interface Format {
  /** The wrapping that the entity is; undefined if it is none of this format. Throws for nothing that a stranger sends. */
  unwrap(entity: Entity, options: { from: string }): Promise<Unwrapped | undefined>;
  /** Whether there is a key to sign with. */
  readonly canSign: boolean;
  sign(entity: Buffer<ArrayBuffer>): Promise<Buffer<ArrayBuffer>>;
  /** Of these addresses in normal form, those that can be encrypted to. */
  reachable(addresses: readonly string[]): Promise<readonly string[]>;
  encrypt(
    entity: Buffer<ArrayBuffer>,
    options: { to: readonly string[]; cipher: Cipher },
  ): Promise<Buffer<ArrayBuffer>>;
}

export const FAILED: Unwrapped = { layer: { kind: 'encrypted', result: 'failed' } };
