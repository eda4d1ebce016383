import { z } from 'zod';
import type { CallSubject } from '../../ocp/capability.ts';
import { createDecoder } from '../../mail/part-decoder.ts';
import { HostMessage } from '../process-message.ts';

/**
 * Octets that a request is about, without passing them through the guest: a range of the message as the service found it, with a
 * Content-Transfer-Encoding to undo. A request without `content` is about the octets after its line.
 *
 * `{"offset":1234,"length":4096,"encoding":"base64"}`: a part's body is at its `offset` + `headerSize`, `size` octets long.
 */
export const contentSchema = z
  .strictObject({
    offset: z.int().min(0),
    length: z.int().min(0),
    encoding: z.string().max(100).default(''),
  })
  .optional();

type ContentRange = NonNullable<z.output<typeof contentSchema>>;

/** Octets of the message that are read at once. */
const STEP = 64 * 1024;

/** Octets to be read once, front to back, in pieces of about 64 KiB. */
export interface Content {
  /** Octets before the encoding is undone: the decoded ones are at most as many. */
  readonly encodedSize: number;
  /** Throws an Error if the message can't be read, which is nobody's fault but the disk's. */
  octets(): AsyncIterable<Uint8Array>;
}

/** What a request names as its content, or why there is no such thing, in words. */
export function contentOf(
  { image, isBodyWithheld }: Pick<CallSubject, 'image' | 'isBodyWithheld'>,
  { content, body }: { content: ContentRange | undefined; body: Uint8Array },
): Content | { readonly fault: string } {
  if (content === undefined) return { encodedSize: body.length, octets: () => once(body) };
  if (body.length > 0) return { fault: 'it names a content and brings another' };
  if (image === undefined) return { fault: 'at this stage there is no message' };
  if (isBodyWithheld) return { fault: 'its manifest does not say that it reads the body' };
  const { offset, length, encoding } = content;
  if (offset + length > image.size) {
    return { fault: `${length} octets at ${offset} are not inside a message of ${image.size}` };
  }
  return {
    encodedSize: length,
    async *octets() {
      const message = new HostMessage(image);
      const decoder = createDecoder(encoding.toLowerCase());
      try {
        for (let done = 0; done < length;) {
          const piece = await message.read(offset + done, Math.min(STEP, length - done));
          if (piece.length === 0) throw new Error(message.broken ?? 'Cannot read the message');
          done += piece.length;
          yield decoder.decode(piece, done === length);
        }
      } finally {
        await message.close();
      }
    },
  };
}

async function* once(octets: Uint8Array): AsyncIterable<Uint8Array> {
  yield octets;
}
