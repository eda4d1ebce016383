import { openSpool, spoolOf, type SyncByteSource } from '../../src/base/spool.ts';

/** A message as threads read it. */
export const sourceOf = (octets: Uint8Array): SyncByteSource => openSpool(spoolOf(octets).handle);

/** The same, but each read gives fewer octets than asked for. */
export function unevenSource(octets: Buffer): SyncByteSource {
  const source = sourceOf(octets);
  return {
    size: source.size,
    readInto: (target, offset) => source.readInto(target.subarray(0, 1 + ((offset * 31) % 97)), offset),
    close: () => source.close(),
  };
}
