import type { Command } from 'commander';
import type { BypassEntry } from '../store/store.ts';
import { withStore, type CommonOptions } from './context.ts';
import { expectAll, parseLimit, readAll } from './held-mail.ts';
import { formatTime, printJson, printTable } from './output.ts';

/** `postern bypass`: what releases from the quarantine have let past services (`quarantine release --bypass`). */
export function addBypassCommand(program: Command, common: (command: Command) => Command): void {
  const bypass = program
    .command('bypass')
    .description('Mail that is let past services since a release from the quarantine: list, remove');

  common(bypass.command('list'))
    .description('List what is let past which service, oldest first')
    .option('--limit <n>', 'at most so many entries', parseLimit, 1000)
    .option('--json', 'print a JSON array')
    .action(async (options: CommonOptions & { limit: number; json?: boolean }) => {
      await withStore(options, async (store) => {
        const now = Date.now();
        const entries = await readAll((page) => store.listBypasses({ ...page, now }), options.limit);
        if (options.json === true) return printJson(entries);
        printTable(['ID', 'FROM', 'TO', 'SERVICE', 'SINCE', 'UNTIL'], entries.map(row));
      });
    });

  common(bypass.command('remove <ids...>'))
    .description('Revoke them: the services are asked again')
    .action(async (ids: string[], options: CommonOptions) => {
      await withStore(options, async (store) => {
        const found = await store.removeBypasses(ids);
        expectAll({ ids, found, where: 'bypass list' });
        process.stdout.write(`${found} removed\n`);
      });
    });
}

const row = ({ id, sender, recipient, service, createdAt, expiresAt }: BypassEntry): string[] => [
  id,
  `<${sender}>`,
  recipient,
  service,
  formatTime(createdAt),
  formatTime(expiresAt),
];
