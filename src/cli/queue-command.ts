import type { Command } from 'commander';
import type { QueueEntry } from '../store/store.ts';
import { withStore, type CommonOptions } from './context.ts';
import { addListAndShow, expectAll, recipientRows } from './held-mail.ts';
import { formatSize, formatTime } from './output.ts';

/** `postern queue`: mail that waits for a downstream. Works beside a running server, on the same store. */
export function addQueueCommand(program: Command, common: (command: Command) => Command): void {
  const queue = program
    .command('queue')
    .description('Mail that waits for a downstream: list, show, retry, remove');

  addListAndShow(queue, common, {
    where: 'queue',
    listDescription: 'List what waits, oldest first',
    list: (store, page) => store.listQueue(page),
    show: (store, id) => store.showQueue(id),
    columns: ['ID', 'SIZE', 'ARRIVED', 'NEXT TRY', 'TRIES', 'DOWNSTREAM', 'FROM', 'TO', 'LAST REPLY'],
    row,
    fields,
  });

  common(queue.command('retry [ids...]'))
    .description(
      'Make entries due now; without ids, all of them. A downstream that could not be reached is tried when its rest is over',
    )
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
  ...entry.recipients.flatMap(recipientRows),
  ['downstream', entry.downstream],
  ['arrived', formatTime(entry.createdAt)],
  ['tries', String(entry.attempts)],
  ['next try', formatTime(entry.nextAttemptAt)],
  ['given up', formatTime(entry.expiresAt)],
  ['last reply', entry.lastReply],
];
