/**
 * Octets that a guest makes the host keep for it. Large ones get pages of their own, as those of a resizable buffer are, which go back to
 * the system when they are collected. The allocator would keep them: what is freed beyond 128 KiB is to glibc a sign that more of that
 * size will come, so it serves it from the arenas of the threads from then on, and lets each arena keep twice as much unused (mallopt(3),
 * M_MMAP_THRESHOLD). One plugin that takes its 8 MiB of host memory once would cost the process 16 MiB an arena for ever.
 */
const LARGE = 64 * 1024;

declare global {
  // Of ES2024, but in Node 20; the rest of what ES2024 says of buffers is not.
  interface ArrayBufferConstructor {
    new (byteLength: number, options: { readonly maxByteLength: number }): ArrayBuffer;
  }
}

/** So many zeros. */
export function zeros(length: number): Uint8Array {
  if (length < LARGE) return new Uint8Array(length);
  return new Uint8Array(new ArrayBuffer(length, { maxByteLength: length }), 0, length);
}

/** A copy in a buffer of its own. */
export function copyOf(octets: Uint8Array): Uint8Array {
  const copy = zeros(octets.length);
  copy.set(octets);
  return copy;
}
