import { InvalidArgumentError, type Command } from 'commander';
import { chunksOf, type ByteSource } from '../base/bytes.ts';
import type { Recipient } from '../mail/envelope.ts';
import type { Page, Store } from '../store/store.ts';
import { withStore, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { printJson, printTable } from './output.ts';

/** What `list` and `show` are about: the queue or the quarantine. */
interface HeldMail<T extends { id: string; messageId: string; size: number }> {
  readonly where: 'queue' | 'quarantine';
  readonly listDescription: string;
  readonly list: (store: Store, page: Page) => Promise<T[]>;
  readonly show: (store: Store, id: string) => Promise<T | undefined>;
  readonly columns: readonly string[];
  readonly row: (entry: T) => string[];
  readonly fields: (entry: T) => string[][];
}

/** The commands `list` and `show`, which the queue and the quarantine have in common. */
export function addListAndShow<T extends { id: string; messageId: string; size: number }>(
  parent: Command,
  common: (command: Command) => Command,
  held: HeldMail<T>,
): void {
  common(parent.command('list'))
    .description(held.listDescription)
    .option('--limit <n>', 'at most so many entries', parseLimit, 1000)
    .option('--json', 'print a JSON array')
    .action(async (options: CommonOptions & { limit: number; json?: boolean }) => {
      await withStore(options, async (store) => {
        const entries = await readAll((page) => held.list(store, page), options.limit);
        if (options.json === true) return printJson(entries);
        printTable(held.columns, entries.map(held.row));
      });
    });

  common(parent.command('show <id>'))
    .description('Show one entry, or with --message the message itself')
    .option('--json', 'print a JSON object')
    .option('--message', 'write the message to standard output, octet for octet')
    .action(async (id: string, options: CommonOptions & { json?: boolean; message?: boolean }) => {
      await withStore(options, async (store) => {
        const entry = await held.show(store, id);
        if (entry === undefined)
          throw new CommandError(EXIT.notFound, `Cannot find ${id} in the ${held.where}`);
        if (options.message === true) return writeMessage(store, entry);
        if (options.json === true) return printJson(entry);
        printTable(['FIELD', 'VALUE'], held.fields(entry));
      });
    });
}

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
async function writeMessage(store: Store, entry: { messageId: string; size: number }): Promise<void> {
  const source: ByteSource = {
    size: entry.size,
    read: (offset, length) => store.read(entry.messageId, { offset, length }),
  };
  for await (const chunk of chunksOf(source)) {
    if (process.stdout.write(chunk)) continue;
    // A pipe that is closed at its other end never drains.
    await new Promise((resolve) => process.stdout.once('drain', resolve).once('error', resolve));
    if (process.stdout.errored !== null) return;
  }
}

/** For `show`: a recipient, and the folder that services advise for it. */
export function recipientRows({ address, folder }: Recipient): string[][] {
  return [['to', address], ...(folder === undefined ? [] : [['folder', folder]])];
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
