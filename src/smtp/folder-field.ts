import type { ByteSource } from '../base/bytes.ts';
import { withDeadline } from '../base/deadline.ts';
import { composeField } from '../mail/header-edit.ts';
import { readHeaderOf } from '../mail/header-index.ts';
import { isProblem } from '../mail/image.ts';

const NAME = 'X-Postern-Folder';
const READ_MS = 120_000;

/**
 * The message with the folder in a field of its own at its top, beyond ASCII as encoded words (RFC 2047), and without fields of
 * that name that came with it, which anyone can have written. All else stays as it is. Rejects if it can't be read in 120 s.
 */
export async function withFolderField(message: ByteSource, folder: string | undefined): Promise<ByteSource> {
  const header = await withDeadline(readHeaderOf(message), { ms: READ_MS, what: 'reading the header' });
  const forged = header.named(NAME).map((index) => header.fields[index]!);
  const field = folder === undefined ? Buffer.alloc(0) : fieldOf(folder);
  const kept: Uint8Array[] = [field];
  let from = 0;
  for (const { start, end } of forged) {
    kept.push(header.bytes.subarray(from, start));
    from = end;
  }
  return behind(Buffer.concat(kept), { message, from });
}

function fieldOf(folder: string): Uint8Array {
  const field = composeField({ name: NAME, value: folder }, { smtputf8: false });
  // Half a surrogate pair: it is no text, so no folder can have it for a name.
  return isProblem(field) ? Buffer.alloc(0) : field;
}

/** What is at `from` and after it in the message, behind other octets. */
function behind(front: Uint8Array, { message, from }: { message: ByteSource; from: number }): ByteSource {
  return {
    size: front.length + message.size - from,
    async read(offset, length) {
      if (offset >= front.length) return message.read(offset - front.length + from, length);
      const first = front.subarray(offset, offset + length);
      if (first.length === length) return first;
      return Buffer.concat([first, await message.read(from, length - first.length)]);
    },
  };
}
