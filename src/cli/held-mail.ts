import { InvalidArgumentError } from 'commander';
import { chunksOf, type ByteSource } from '../base/bytes.ts';
import type { Store } from '../store/store.ts';
import { CommandError, EXIT } from './exit.ts';

/** For `--limit`. */
export function parseLimit(text: string): number {
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit > 0) return limit;
  throw new InvalidArgumentError('It must be a number from 1 up.');
}

/** Pages through a list of the store to its end, or to `limit` entries. */
export async function readAll<T extends { id: string }>(
  page: (request: { limit: number; after?: string }) => Promise<T[]>,
  limit: number,
): Promise<T[]> {
  const entries: T[] = [];
  while (entries.length < limit) {
    const after = entries.at(-1)?.id;
    const next = await page({
      limit: Math.min(500, limit - entries.length),
      ...(after !== undefined && { after }),
    });
    entries.push(...next);
    if (next.length === 0) break;
  }
  return entries;
}

/** Writes a stored message to standard output, octet for octet. */
export async function writeMessage(store: Store, entry: { messageId: string; size: number }): Promise<void> {
  const source: ByteSource = {
    size: entry.size,
    read: (offset, length) => store.read(entry.messageId, { offset, length }),
  };
  for await (const chunk of chunksOf(source)) {
    if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}

/** Fails if fewer entries were touched than were named. */
export function expectAll(request: { ids: readonly string[]; found: number; where: string }): void {
  const { ids, found, where } = request;
  if (found < new Set(ids).size) {
    throw new CommandError(
      EXIT.notFound,
      `Cannot find every entry: ${found} of ${ids.length} are in the ${where}`,
    );
  }
}
