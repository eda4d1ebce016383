import { describe, expect, it } from 'vitest';
import { CHUNK_SIZE, chunksOf, type ByteSource } from './bytes.ts';

/** Gives at most `most` octets a read, as a network would. */
function sourceOf(octets: Uint8Array, most: number): ByteSource {
  return {
    size: octets.length,
    read: async (offset, length) => octets.subarray(offset, offset + Math.min(length, most)),
  };
}

async function sizesOf(source: ByteSource): Promise<number[]> {
  const sizes: number[] = [];
  for await (const chunk of chunksOf(source)) sizes.push(chunk.length);
  return sizes;
}

describe('chunksOf', () => {
  it('reads chunk by chunk to the end', async () => {
    const octets = new Uint8Array(CHUNK_SIZE * 2 + 5);
    expect(await sizesOf(sourceOf(octets, CHUNK_SIZE))).toEqual([CHUNK_SIZE, CHUNK_SIZE, 5]);
    expect(await sizesOf(sourceOf(octets.subarray(0, CHUNK_SIZE), CHUNK_SIZE))).toEqual([CHUNK_SIZE]);
    expect(await sizesOf(sourceOf(new Uint8Array(0), 1))).toEqual([]);
  });

  it('goes on after a short read, and skips nothing', async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of chunksOf(sourceOf(Buffer.from('abcdefgh'), 3))) chunks.push(chunk);
    expect(Buffer.concat(chunks).toString()).toBe('abcdefgh');
  });

  it('ends with a source that has less than it said', async () => {
    const source = sourceOf(Buffer.from('abc'), 10);
    expect(await sizesOf({ size: 100, read: async (offset, length) => source.read(offset, length) })).toEqual(
      [3],
    );
  });
});
