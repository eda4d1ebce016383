import type { Command } from 'commander';
import type { QuarantineEntry } from '../store/store.ts';
import { loadOrFail, withStore, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { expectAll, parseLimit, readAll, writeMessage } from './held-mail.ts';
import { formatSize, formatTime, printJson, printTable } from './output.ts';

/** `postern quarantine`: mail that a service held back. Works beside a running server, on the same store. */
export function addQuarantineCommand(program: Command, common: (command: Command) => Command): void {
  const quarantine = program
    .command('quarantine')
    .description('Mail that a service held back: list, show, release, remove');

  common(quarantine.command('list'))
    .description('List what is held, oldest first')
    .option('--limit <n>', 'at most so many entries', parseLimit, 1000)
    .option('--json', 'print a JSON array')
    .action(async (options: CommonOptions & { limit: number; json?: boolean }) => {
      await withStore(options, async (store) => {
        const entries = await readAll((page) => store.listQuarantine(page), options.limit);
        if (options.json === true) return printJson(entries);
        printTable(['ID', 'SIZE', 'HELD', 'SERVICE', 'FROM', 'TO', 'REASON'], entries.map(row));
      });
    });

  common(quarantine.command('show <id>'))
    .description('Show one entry, or with --message the message itself')
    .option('--json', 'print a JSON object')
    .option('--message', 'write the message to standard output, octet for octet')
    .action(async (id: string, options: CommonOptions & { json?: boolean; message?: boolean }) => {
      await withStore(options, async (store) => {
        const entry = await store.showQuarantine(id);
        if (entry === undefined) throw new CommandError(EXIT.notFound, `Cannot find ${id} in the quarantine`);
        if (options.message === true) return writeMessage(store, entry);
        if (options.json === true) return printJson(entry);
        printTable(['FIELD', 'VALUE'], fields(entry));
      });
    });

  common(quarantine.command('release <ids...>'))
    .description('Deliver held mail after all: it goes to the queue, due now')
    .action(async (ids: string[], options: CommonOptions) => {
      const { config } = loadOrFail(options.config);
      await withStore(options, async (store) => {
        const now = Date.now();
        const found = await store.release({ ids, now, expiresAt: now + config.queue.giveUpAfterMs });
        expectAll({ ids, found, where: 'quarantine' });
        process.stdout.write(`${found} released to the queue\n`);
      });
    });

  common(quarantine.command('remove <ids...>'))
    .description('Delete held mail for good')
    .action(async (ids: string[], options: CommonOptions) => {
      await withStore(options, async (store) => {
        const found = await store.removeQuarantine(ids);
        expectAll({ ids, found, where: 'quarantine' });
        process.stdout.write(`${found} removed\n`);
      });
    });
}

const row = (entry: QuarantineEntry): string[] => [
  entry.id,
  formatSize(entry.size),
  formatTime(entry.createdAt),
  entry.service,
  `<${entry.sender.address}>`,
  entry.recipients.map(({ address }) => address).join(','),
  entry.reason,
];

const fields = (entry: QuarantineEntry): string[][] => [
  ['id', entry.id],
  ['transaction', entry.transaction],
  ['size', formatSize(entry.size)],
  ['from', `<${entry.sender.address}>`],
  ...entry.recipients.map(({ address }) => ['to', address]),
  ['downstream', entry.downstream],
  ['held', formatTime(entry.createdAt)],
  ['service', entry.service],
  ['reason', entry.reason],
];
