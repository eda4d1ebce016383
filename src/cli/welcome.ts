import { fileURLToPath } from 'node:url';
import { relative } from 'node:path';
import type { Config, DownstreamConfig } from '../config/config.ts';
import type { DemoAccount } from './demo.ts';
import type { Gate } from './gate.ts';

/** Prints where the gate listens; with `demo`, also what to type to see a filter act. */
export function printWelcome(
  gate: Gate,
  facts: { config: Config; account: DemoAccount | undefined; demo: boolean },
): void {
  const { config, account, demo } = facts;
  const lines = ['Postern listens:'];
  for (const { config: listener, address, port } of gate.listeners) {
    const place = `${address.includes(':') ? `[${address}]` : address}:${port}`;
    lines.push(
      `  ${listener.protocol.padEnd(10)} ${place.padEnd(21)} ${listener.name}, ${listener.mode} → ${listener.downstream}`,
    );
  }
  if (gate.web !== undefined) {
    const { address } = gate.web.config;
    const place = `${address.includes(':') ? `[${address}]` : address}:${gate.web.port}`;
    lines.push(`  ${'web'.padEnd(10)} ${place.padEnd(21)} ${gate.web.config.publicUrl}`);
  }
  if (account !== undefined) {
    lines.push(
      '',
      `Account for submission, shown this once: user ${account.user}, password ${account.password}`,
    );
  }
  const smtp = gate.listeners.find(({ config: { protocol } }) => protocol === 'smtp');
  if (demo && smtp !== undefined) {
    const domain = smtp.config.domains?.[0] ?? 'example.com';
    const eml = relative(
      process.cwd(),
      fileURLToPath(new URL('../../docs/demo/invoice.eml', import.meta.url)),
    );
    const url = `smtp://${smtp.address}:${smtp.port}`;
    lines.push(
      '',
      'To see a filter act, send a mail with a program attached, and read what arrives:',
      `  curl -sS ${url} --mail-from you@example.net --mail-rcpt ann@${domain} -T ${eml}`,
      ...readingHint(config.downstreams, { name: smtp.config.downstream, address: `ann@${domain}` }),
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

function readingHint(
  downstreams: readonly DownstreamConfig[],
  to: { name: string; address: string },
): string[] {
  const downstream = downstreams.find(({ name }) => name === to.name);
  if (downstream?.protocol !== 'maildir') return [];
  return [`  cat ${relative(process.cwd(), downstream.path)}/${to.address}/new/*`];
}
