import { openSpool } from '../../base/spool.ts';
import { SyncImageReader } from '../../mail/image-reader.ts';
import type { MessageImage } from '../../mail/image.ts';
import { indexMime } from '../../mail/mime-index.ts';
import { partTable, type PartTable } from '../../ocp/part-table.ts';

/** In a thread of `library-threads.ts`: what facts tell of a message's parts. */
export async function runPartTable(image: MessageImage): Promise<PartTable> {
  const message = new SyncImageReader(openSpool(image.spool), image);
  try {
    return partTable(indexMime(message));
  } finally {
    message.close();
  }
}
