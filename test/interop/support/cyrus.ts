import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { waitFor } from '../../support/postern.ts';
import { Dialog } from '../../support/smtp-dialog.ts';
import { greets, run } from './servers.ts';

/** A Cyrus of its own that takes mail by LMTP for every user. */
export interface Cyrus {
  readonly port: number;
  /** What it says of itself, for a test that fails. */
  log(): string;
  /** Messages are files in folders below, named by a number and a dot. */
  readonly mail: string;
  stop(): Promise<void>;
}

export interface CyrusOptions {
  /** For everything that it writes; made if it does not exist. */
  readonly directory: string;
  /** Who has a mailbox from the beginning. */
  readonly users: readonly string[];
}

export async function startCyrus({ directory, users }: CyrusOptions): Promise<Cyrus> {
  const [state, mail] = [join(directory, 'state'), join(directory, 'mail')];
  for (const path of [directory, state, mail]) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
  }
  await run('chown', ['cyrus:mail', directory, state, mail]);
  const port = await freePort();
  const [imapd, services] = [join(directory, 'imapd.conf'), join(directory, 'cyrus.conf')];
  writeFileSync(
    imapd,
    `configdirectory: ${state}
partition-default: ${mail}
defaultpartition: default
lmtpsocket: ${join(state, 'lmtp')}
idlesocket: ${join(state, 'idle')}
notifysocket: ${join(state, 'notify')}
sievedir: ${join(state, 'sieve')}
autocreate_post: yes
autocreate_quota: 0
duplicatesuppression: no
`,
  );
  // The master tells none of them where its configuration is. -a: clients need not say who they are.
  writeFileSync(
    services,
    `START {
  recover cmd="ctl_cyrusdb -C ${imapd} -r"
}
SERVICES {
  lmtp cmd="lmtpd -C ${imapd} -a" listen="127.0.0.1:${port}" prefork=1
}
`,
  );
  const child = spawn(
    '/usr/lib/cyrus/bin/master',
    ['-C', imapd, '-M', services, '-p', join(directory, 'pid')],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const server: Cyrus = {
    port,
    mail,
    log: () => output,
    async stop() {
      if (child.exitCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
  await waitFor(() => {
    if (child.exitCode !== null) throw new Error(`cyrus ended with ${child.exitCode}: ${output}`);
    return greets(port);
  })
    .then(() => makeMailboxes(port, users))
    .catch(async (error: unknown) => {
      await server.stop();
      throw error;
    });
  return server;
}

/** By naming them as recipients. Named in two sessions at once they would be made twice, and Cyrus would refuse one of them. */
async function makeMailboxes(port: number, users: readonly string[]): Promise<void> {
  const dialog = await Dialog.open(port);
  const lines = ['LHLO client.test', 'MAIL FROM:<>', ...users.map((user) => `RCPT TO:<${user}>`)];
  for (const line of [...lines, 'QUIT']) {
    const reply = await dialog.say(line);
    if (!reply.startsWith('2')) throw new Error(`Cannot make the mailboxes: ${line} was refused: ${reply}`);
  }
}
