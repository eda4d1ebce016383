import { reply, type Reply } from '../mail/reply.ts';
import type { MessageSink } from './receiver.ts';

/** One BDAT command (RFC 3030 section 2). */
export interface Chunk {
  /** Octets that follow the command. */
  readonly size: number;
  readonly last: boolean;
}

/** `86 LAST` or `86`; undefined if it says nothing of the kind, so that nobody knows how many octets follow. */
export function parseChunk(argument: string): Chunk | undefined {
  const [, size, last] = /^(\d{1,20})( LAST)?$/i.exec(argument) ?? [];
  return size === undefined ? undefined : { size: Number(size), last: last !== undefined };
}

export const BAD_CHUNK = reply(501, '5.5.4', 'Say BDAT size or BDAT size LAST, with the size in octets');

/** Octets of refused chunks that are read for nothing, in messages of the largest size that is taken. */
const PATIENCE = 4;

/**
 * What a session has to remember of chunks that were refused. Their octets are read, for else they would be taken for commands, and so
 * are those of the chunks that were pipelined behind (RFC 3030 section 2); all of them get the reply of the first. That must end
 * somewhere: past a bound the connection is closed.
 */
export class RefusedChunks {
  readonly #limit: number;
  #octets = 0;
  /** The transaction that a chunk has ended: what later ones are told, and how many recipients it had. */
  ended: { readonly reply: Reply; readonly recipients: number } | undefined;

  constructor({ maxMessageSize }: { maxMessageSize: number }) {
    this.#limit = PATIENCE * maxMessageSize;
  }

  /** Whether these octets may still be read. */
  admits(size: number): boolean {
    this.#octets += size;
    return this.#octets <= this.#limit;
  }

  /** A message was taken: the client knows what it does. */
  forgive(): void {
    this.#octets = 0;
  }
}

/** Gives as many octets as were announced to `taker`, whatever they are. */
export function counted(size: number, taker: (octets: Buffer) => Promise<unknown>): MessageSink {
  let left = size;
  return {
    async take(octets) {
      const own = octets.subarray(0, left);
      left -= own.length;
      await taker(own);
      return { consumed: own.length, ended: left === 0 };
    },
  };
}
