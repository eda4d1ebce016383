import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { waitFor } from '../../support/postern.ts';
import { greets, MAILBOX_OWNER, run } from './servers.ts';

/** A Dovecot of its own that takes mail by LMTP, over TCP and over a Unix socket, into Maildirs. */
export interface Dovecot {
  readonly port: number;
  readonly socket: string;
  log(): string;
  maildir(address: string): string;
  /** May be called while it does not run. */
  stop(): Promise<void>;
  /** After `stop`, on the same port. */
  start(): Promise<void>;
}

export interface DovecotOptions {
  /** For everything that it writes; made if it does not exist. */
  readonly directory: string;
  /** Who has a mailbox; nobody else is known. */
  readonly users: readonly string[];
  /** Users with a mailbox of 100 octets: they are refused when the message has come, not at RCPT. */
  readonly full?: readonly string[];
  /** How it finds the folder for a message: by the detail of the address, or by a Sieve script, whose text this is. */
  readonly filing?: 'detail' | { readonly sieve: string };
}

export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const { directory, users, full = [], filing } = options;
  const mail = join(directory, 'mail');
  for (const path of [directory, mail]) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
  }
  await run('chown', [`${MAILBOX_OWNER}:${MAILBOX_OWNER}`, mail]);
  const port = await freePort();
  const file = join(directory, 'dovecot.conf');
  const account = (user: string, extra = ''): string =>
    `${user}::${MAILBOX_OWNER}:${MAILBOX_OWNER}::${join(mail, user)}::${extra}\n`;
  writeFileSync(
    join(directory, 'users'),
    [
      ...users.map((user) => account(user)),
      ...full.map((user) => account(user, 'userdb_quota_rule=*:bytes=100')),
    ].join(''),
  );
  writeFileSync(file, config(directory, port) + filingConfig(directory, filing));
  let child: ChildProcess | undefined;
  let output = '';
  const log = (): string => {
    try {
      return output + readFileSync(join(directory, 'dovecot.log'), 'utf8');
    } catch {
      return output;
    }
  };
  const dovecot: Dovecot = {
    port,
    socket: join(directory, 'run', 'lmtp'),
    log,
    maildir: (address) => join(mail, address, 'Maildir'),
    async start() {
      const started = spawn('/usr/sbin/dovecot', ['-c', file, '-F'], { stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      for (const stream of [started.stdout, started.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      await waitFor(() => {
        if (started.exitCode !== null) throw new Error(`dovecot ended with ${started.exitCode}: ${log()}`);
        return greets(port);
      });
    },
    async stop() {
      const running = child;
      if (running === undefined || running.exitCode !== null) return;
      const exited = new Promise<void>((resolve) => running.once('exit', () => resolve()));
      running.kill('SIGTERM');
      await exited;
    },
  };
  await dovecot.start();
  return dovecot;
}

const config = (directory: string, port: number): string => `
base_dir = ${join(directory, 'run')}
state_dir = ${join(directory, 'state')}
log_path = ${join(directory, 'dovecot.log')}
protocols = lmtp
ssl = no
mail_location = maildir:~/Maildir
first_valid_uid = ${MAILBOX_OWNER}
first_valid_gid = ${MAILBOX_OWNER}
passdb {
  driver = passwd-file
  args = ${join(directory, 'users')}
}
userdb {
  driver = passwd-file
  args = ${join(directory, 'users')}
}
protocol lmtp {
  mail_plugins = quota
  postmaster_address = postmaster@store.test
}
plugin {
  quota = count:Mailbox
  quota_vsizes = yes
}
service lmtp {
  unix_listener lmtp {
  }
  inet_listener lmtp {
    address = 127.0.0.1
    port = ${port}
  }
}
`;

function filingConfig(directory: string, filing: DovecotOptions['filing']): string {
  if (filing === undefined) return '';
  if (filing === 'detail')
    return `
recipient_delimiter = +
lmtp_save_to_detail_mailbox = yes
lda_mailbox_autocreate = yes
`;
  const script = join(directory, 'filing.sieve');
  writeFileSync(script, filing.sieve);
  return `
protocol lmtp {
  mail_plugins = $mail_plugins sieve
}
plugin {
  sieve_before = ${script}
}
`;
}
