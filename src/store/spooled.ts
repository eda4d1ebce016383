import { OperationalError, describeError } from '../base/errors.ts';
import { openSpool } from '../base/spool.ts';
import { SyncImageReader } from '../mail/image-reader.ts';
import type { MessageImage } from '../mail/image.ts';

/**
 * Reading an image's octets in the store's thread. Whatever is wrong with the spool is OperationalError
 * `spool_unreadable`: the fault of one request, not of the store.
 */
export function openImage(image: MessageImage): SyncImageReader {
  try {
    return new SyncImageReader(openSpool(image.spool), image);
  } catch (error) {
    throw spoolError(error);
  }
}

/** The octets from `offset` on, as many as `buffer` takes; a view of `buffer`. */
export function readPart(
  reader: SyncImageReader,
  { image, buffer, offset }: { image: MessageImage; buffer: Uint8Array; offset: number },
): Uint8Array {
  const octets = buffer.subarray(0, Math.min(buffer.length, image.size - offset));
  try {
    if (reader.readInto(octets, offset) === octets.length) return octets;
  } catch (error) {
    throw spoolError(error);
  }
  throw spoolError(new Error(`the image ends before octet ${offset + octets.length}`));
}

function spoolError(cause: unknown): OperationalError {
  return new OperationalError('spool_unreadable', `Cannot store a message: ${describeError(cause)}`, {
    cause,
  });
}
