import type { Command } from 'commander';
import type { QuarantineEntry } from '../store/store.ts';
import { loadOrFail, withStore, type CommonOptions } from './context.ts';
import { addListAndShow, expectAll } from './held-mail.ts';
import { formatSize, formatTime } from './output.ts';

/** `postern quarantine`: mail that a service held back, or that could be neither delivered nor bounced. Works beside a running server, on the same store. */
export function addQuarantineCommand(program: Command, common: (command: Command) => Command): void {
  const quarantine = program
    .command('quarantine')
    .description('Mail that a service held back, or that could not be bounced: list, show, release, remove');

  addListAndShow(quarantine, common, {
    where: 'quarantine',
    listDescription: 'List what is held, oldest first',
    list: (store, page) => store.listQuarantine(page),
    show: (store, id) => store.showQuarantine(id),
    columns: ['ID', 'SIZE', 'HELD', 'SERVICE', 'FROM', 'TO', 'REASON'],
    row,
    fields,
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
