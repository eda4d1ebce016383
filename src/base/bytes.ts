/**
 * Octets that can be read by range: a spooled message, the same with splices applied, a message in the store.
 * Reading never loads the whole into the heap.
 */
export interface ByteSource {
  /** Octets in all. */
  readonly size: number;
  /** At most `length` octets from `offset`; fewer only at the end, none past it. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The piece in which sources are copied from one place to the next, in octets. */
export const CHUNK_SIZE = 64 * 1024;

/** Reads a source from start to end, a chunk at a time. */
export async function* chunksOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < source.size;) {
    const chunk = await source.read(offset, CHUNK_SIZE);
    if (chunk.length === 0) return;
    offset += chunk.length;
    yield chunk;
  }
}
