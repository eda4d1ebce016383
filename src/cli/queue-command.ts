import type { Command } from 'commander';
import type { QueueEntry } from '../store/store.ts';
import { withStore, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { expectAll, parseLimit, readAll, writeMessage } from './held-mail.ts';
import { formatSize, formatTime, printJson, printTable } from './output.ts';

/** `postern queue`: mail that waits for a downstream. Works beside a running server, on the same store. */
export function addQueueCommand(program: Command, common: (command: Command) => Command): void {
  const queue = program
    .command('queue')
    .description('Mail that waits for a downstream: list, show, retry, remove');

  common(queue.command('list'))
    .description('List what waits, oldest first')
    .option('--limit <n>', 'at most so many entries', parseLimit, 1000)
    .option('--json', 'print a JSON array')
    .action(async (options: CommonOptions & { limit: number; json?: boolean }) => {
      await withStore(options, async (store) => {
        const entries = await readAll((page) => store.listQueue(page), options.limit);
        if (options.json === true) return printJson(entries);
        printTable(
          ['ID', 'SIZE', 'ARRIVED', 'NEXT TRY', 'TRIES', 'DOWNSTREAM', 'FROM', 'TO', 'LAST REPLY'],
          entries.map(row),
        );
      });
    });

  common(queue.command('show <id>'))
    .description('Show one entry, or with --message the message itself')
    .option('--json', 'print a JSON object')
    .option('--message', 'write the message to standard output, octet for octet')
    .action(async (id: string, options: CommonOptions & { json?: boolean; message?: boolean }) => {
      await withStore(options, async (store) => {
        const entry = await store.showQueue(id);
        if (entry === undefined) throw new CommandError(EXIT.notFound, `Cannot find ${id} in the queue`);
        if (options.message === true) return writeMessage(store, entry);
        if (options.json === true) return printJson(entry);
        printTable(['FIELD', 'VALUE'], fields(entry));
      });
    });

  common(queue.command('retry [ids...]'))
    .description('Make entries due now; without ids, all of them')
    .action(async (ids: string[], options: CommonOptions) => {
      await withStore(options, async (store) => {
        const found = await store.retry({ ...(ids.length > 0 && { ids }), now: Date.now() });
        expectAll({ ids, found, where: 'queue' });
        process.stdout.write(`${found} due now\n`);
      });
    });

  common(queue.command('remove <ids...>'))
    .description('Delete entries for good: their mail is neither delivered nor bounced')
    .action(async (ids: string[], options: CommonOptions) => {
      await withStore(options, async (store) => {
        const found = await store.removeQueue(ids);
        expectAll({ ids, found, where: 'queue' });
        process.stdout.write(`${found} removed\n`);
      });
    });
}

const row = (entry: QueueEntry): string[] => [
  entry.id,
  formatSize(entry.size),
  formatTime(entry.createdAt),
  formatTime(entry.nextAttemptAt),
  String(entry.attempts),
  entry.downstream,
  `<${entry.sender.address}>`,
  entry.recipients.map(({ address }) => address).join(','),
  entry.lastReply,
];

const fields = (entry: QueueEntry): string[][] => [
  ['id', entry.id],
  ['transaction', entry.transaction],
  ['size', formatSize(entry.size)],
  ['from', `<${entry.sender.address}>`],
  ...entry.recipients.map(({ address }) => ['to', address]),
  ['downstream', entry.downstream],
  ['arrived', formatTime(entry.createdAt)],
  ['tries', String(entry.attempts)],
  ['next try', formatTime(entry.nextAttemptAt)],
  ['given up', formatTime(entry.expiresAt)],
  ['last reply', entry.lastReply],
];
