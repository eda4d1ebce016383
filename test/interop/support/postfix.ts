import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { waitFor } from '../../support/postern.ts';
import { selfSigned } from '../../../src/smtp/tls.ts';
import { greets, MAILBOX_OWNER, run } from './servers.ts';

/** A Postfix of its own, with its own queue, which relays what it is told to and keeps some mailboxes. */
export interface Postfix {
  readonly port: number;
  /** What it says of itself, for a test that fails. */
  log(): string;
  /** PEM of the certificate that it shows, for 127.0.0.1. */
  readonly certificate: string;
  maildir(address: string): string;
  /** Has it try again what it holds back. */
  flush(): Promise<void>;
  /** The recipients of what is in its queue, with the reason why each is still there. */
  queue(): Promise<string>;
  stop(): Promise<void>;
}

export interface PostfixOptions {
  /** For everything that it writes; made if it does not exist. */
  readonly directory: string;
  readonly hostname: string;
  /** Addresses with a Maildir. Others in their domains are unknown. */
  readonly mailboxes: readonly string[];
  /** Recipient domain → transport, as in transport(5). */
  readonly relay?: Readonly<Record<string, string>>;
  /** More of main.cf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const { directory } = options;
  const [etc, queue, mail] = ['etc', 'queue', 'mail'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const path of [directory, etc, queue, mail]) mkdirSync(path, { recursive: true });
  await run('chown', [`${MAILBOX_OWNER}:${MAILBOX_OWNER}`, mail]);
  // Its processes are users of their own and have to come through.
  for (const path of [directory, etc, queue, mail]) chmodSync(path, 0o755);
  const { key, cert } = await selfSigned('127.0.0.1');
  writeFileSync(join(etc, 'tls.pem'), key + cert, { mode: 0o600 });
  const port = await freePort();
  writeFileSync(join(etc, 'main.cf'), mainCf(options));
  writeFileSync(join(etc, 'master.cf'), masterCf(port));

  let output = '';
  const child = spawn('/usr/sbin/postfix', ['-c', etc, 'start-fg'], { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const log = (): string => {
    try {
      return output + readFileSync(join(directory, 'mail.log'), 'utf8');
    } catch {
      return output;
    }
  };
  await waitFor(() => {
    if (child.exitCode !== null) throw new Error(`postfix ended with ${child.exitCode}: ${log()}`);
    return greets(port);
  });
  return {
    port,
    log,
    certificate: cert,
    maildir: (address) => join(mail, address),
    flush: async () => void (await run('/usr/sbin/postqueue', ['-c', etc, '-f'])),
    queue: async () => (await run('/usr/sbin/postqueue', ['-c', etc, '-j'])).output,
    async stop() {
      if (child.exitCode !== null) return;
      process.kill(Number(readFileSync(join(queue, 'pid', 'master.pid'), 'utf8')), 'SIGTERM');
      await exited;
    },
  };
}

function mainCf({ directory, hostname, mailboxes, relay = {}, settings: more = {} }: PostfixOptions): string {
  const domains = new Set(mailboxes.map((address) => address.slice(address.indexOf('@') + 1)));
  const table = (entries: string[]): string =>
    `inline:{ ${entries.map((entry) => `{ ${entry} }`).join(', ')} }`;
  const settings = {
    compatibility_level: '3.6',
    queue_directory: join(directory, 'queue'),
    data_directory: join(directory, 'data'),
    maillog_file_prefixes: directory,
    maillog_file: join(directory, 'mail.log'),
    myhostname: hostname,
    mydestination: '',
    local_recipient_maps: '',
    alias_maps: '',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    smtp_dns_support_level: 'disabled',
    mynetworks: '127.0.0.0/8',
    smtpd_relay_restrictions: 'permit_mynetworks, reject',
    smtpd_tls_security_level: 'may',
    smtpd_tls_chain_files: join(directory, 'etc', 'tls.pem'),
    smtp_tls_security_level: 'may',
    lmtp_tls_security_level: 'may',
    virtual_mailbox_domains: [...domains].join(', '),
    virtual_mailbox_maps: table(mailboxes.map((address) => `${address} = ${address}/`)),
    virtual_mailbox_base: join(directory, 'mail'),
    virtual_uid_maps: `static:${MAILBOX_OWNER}`,
    virtual_gid_maps: `static:${MAILBOX_OWNER}`,
    relay_domains: Object.keys(relay).join(', '),
    ...(Object.keys(relay).length > 0 && {
      transport_maps: table(Object.entries(relay).map(([domain, transport]) => `${domain} = ${transport}`)),
    }),
    ...more,
  };
  return Object.entries(settings)
    .map(([key, value]) => `${key} = ${value}\n`)
    .join('');
}

/** Debian's, with nothing in a chroot and one address to listen on. */
function masterCf(port: number): string {
  return [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'relay unix - - n - - smtp',
    'lmtp unix - - n - - lmtp',
    'showq unix n - n - - showq',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'discard unix - - n - - discard',
    'virtual unix - n n - - virtual',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
    '',
  ].join('\n');
}
