import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Config } from '../config/config.ts';
import { duration } from '../config/scalars.ts';
import type { NewBypass, QuarantineEntry, Store } from '../store/store.ts';
import { loadOrFail, withStore, type CommonOptions } from './context.ts';
import { CommandError, EXIT } from './exit.ts';
import { addListAndShow, expectAll, recipientRows } from './held-mail.ts';
import { formatSize, formatTime } from './output.ts';
import { tellReleased } from './tell-released.ts';

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
    .option('--bypass', 'let further mail of its sender to its recipients past the service that held it')
    .addOption(
      new Option('--for <duration>', 'with --bypass: for so long, such as 30d')
        .argParser(parseDuration)
        .default(30 * DAY_MS, '30d'),
    )
    .action(async (ids: string[], options: CommonOptions & { bypass?: boolean; for: number }) => {
      const { config } = loadOrFail(options.config);
      await withStore(options, async (store) => {
        const now = Date.now();
        if (options.bypass === true) {
          const bypasses = await bypassesFor(ids, { store, config });
          await store.addBypasses(
            bypasses.map((bypass) => ({ ...bypass, now, expiresAt: now + options.for })),
          );
          for (const { sender, recipient, service } of bypasses)
            process.stdout.write(`<${sender}> to ${recipient} bypasses ${service}\n`);
        }
        const released = await entriesOf(ids, store);
        const found = await store.release({ ids, now, expiresAt: now + config.queue.giveUpAfterMs });
        await tellReleased(released, { store, services: config.services, now });
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

const DAY_MS = 24 * 3_600_000;

function parseDuration(text: string): number {
  const parsed = duration('1m', '365d').safeParse(text);
  if (parsed.success) return parsed.data;
  throw new InvalidArgumentError('It must be a duration from 1m to 365d such as 12h or 30d.');
}

/** What further mail like these entries is to bypass: the service that held each, if it may be bypassed. */
async function bypassesFor(
  ids: readonly string[],
  { store, config }: { store: Store; config: Config },
): Promise<Omit<NewBypass, 'now' | 'expiresAt'>[]> {
  const found = await entriesOf(ids, store);
  expectAll({ ids, found: found.length, where: 'quarantine' });
  return found.flatMap(({ id, service, sender, recipients }) => {
    const why = (text: string): CommandError =>
      new CommandError(EXIT.failed, `Cannot make a bypass for ${id}: ${text}; release it without --bypass`);
    if (config.services.find(({ name }) => name === service)?.bypassable !== true)
      throw why(`it was held by ${service}, which is not a bypassable service of the config`);
    if (sender.address === '') throw why('it has the null sender, which stands for anyone');
    return recipients.map(({ address }) => ({ service, sender: sender.address, recipient: address }));
  });
}

async function entriesOf(ids: readonly string[], store: Store): Promise<QuarantineEntry[]> {
  const entries = await Promise.all(ids.map((id) => store.showQuarantine(id)));
  return entries.filter((entry) => entry !== undefined);
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
  ...entry.recipients.flatMap(recipientRows),
  ['downstream', entry.downstream],
  ['held', formatTime(entry.createdAt)],
  ['service', entry.service],
  ['reason', entry.reason],
];
