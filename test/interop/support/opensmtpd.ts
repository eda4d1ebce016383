import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { waitFor } from '../../support/postern.ts';
import { found, greets, MAILBOX_OWNER, run } from './servers.ts';

/** An OpenSMTPD of its own: its queue and its socket are where only it sees them, since their places can't be configured. */
export interface OpenSmtpd {
  readonly port: number;
  /** What it says of itself, for a test that fails. */
  log(): string;
  /** Maildirs, one for each address. */
  readonly mail: string;
  stop(): Promise<void>;
}

export interface OpenSmtpdOptions {
  /** For everything that it keeps; made if it does not exist. */
  readonly directory: string;
  readonly hostname: string;
  /** Addresses with a Maildir. Others in their domains are unknown. */
  readonly mailboxes?: readonly string[];
  /** Recipient domain → port of the server that takes its mail by SMTP. */
  readonly relay?: Readonly<Record<string, number>>;
}

/** Gives it the directories that it insists on, empty, and becomes it; the mounts end with it. `$0`: where Debian's package is unpacked. */
const START = `set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/spool
mount -t tmpfs tmpfs /var/lib
mount --bind "$0/usr/libexec" /usr/libexec
mkdir -p /var/lib/opensmtpd/empty
mkdir -m 711 /var/spool/smtpd
exec "$0/usr/sbin/smtpd" -d -f "$1"`;

export async function startOpenSmtpd(options: OpenSmtpdOptions): Promise<OpenSmtpd> {
  const { directory } = options;
  const mail = join(directory, 'mail');
  for (const path of [directory, mail]) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
  }
  await run('chown', [`${MAILBOX_OWNER}:${MAILBOX_OWNER}`, mail]);
  const port = await freePort();
  const file = join(directory, 'smtpd.conf');
  writeFileSync(file, config({ ...options, mail, port }));
  const unpacked = found('smtpd')!.replace(/\/usr\/sbin\/smtpd$/, '');
  const child = spawn('unshare', ['--mount', 'sh', '-c', START, unpacked, file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const server: OpenSmtpd = {
    port,
    mail,
    log: () => output,
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
  await waitFor(() => {
    if (child.exitCode !== null) throw new Error(`smtpd ended with ${child.exitCode}: ${output}`);
    return greets(port);
  }).catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return server;
}

function config(options: OpenSmtpdOptions & { mail: string; port: number }): string {
  const { mailboxes = [], relay = {}, mail } = options;
  const domains = new Set(mailboxes.map((address) => address.slice(address.indexOf('@') + 1)));
  const quoted = (words: Iterable<string>): string => [...words].map((word) => `"${word}"`).join(', ');
  return [
    ...(mailboxes.length === 0
      ? []
      : [
          `table known { ${mailboxes.map((address) => `"${address}" = "owner"`).join(', ')} }`,
          `table owner { "owner" = "${MAILBOX_OWNER}:${MAILBOX_OWNER}:${mail}" }`,
          `action "keep" maildir "${mail}/%{dest}" virtual <known> userbase <owner>`,
          `match from any for domain { ${quoted(domains)} } action "keep"`,
        ]),
    ...Object.entries(relay).flatMap(([domain, to]) => [
      `action "to ${domain}" relay host "smtp+notls://127.0.0.1:${to}"`,
      `match from any for domain "${domain}" action "to ${domain}"`,
    ]),
    `listen on 127.0.0.1 port ${options.port} hostname "${options.hostname}"`,
    '',
  ].join('\n');
}
