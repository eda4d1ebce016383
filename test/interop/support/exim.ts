import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { waitFor } from '../../support/postern.ts';
import { found, greets, run } from './servers.ts';

/** An Exim of its own that hands all mail to one server, by SMTP or LMTP and always over TLS. */
export interface Exim {
  /** Takes a message (Latin-1) and tries once to deliver it. */
  send(order: { text: string; from: string; to: readonly string[] }): Promise<void>;
  /** What it did so far, a line for each delivery. */
  log(): string;
  /** Where notices to senders arrive. */
  readonly maildir: string;
}

export interface EximOptions {
  /** For everything that it writes; made if it does not exist. */
  readonly directory: string;
  readonly hostname: string;
  /** The domain of its own users, who get the notices. */
  readonly domain: string;
  readonly to: { readonly protocol: 'smtp' | 'lmtp'; readonly port: number };
}

export async function setUpExim(options: EximOptions): Promise<Exim> {
  const { directory } = options;
  const { spool, mail: maildir } = await placesIn(directory);
  const file = join(directory, 'exim.conf');
  writeFileSync(file, config({ ...options, spool, maildir }));
  return {
    maildir,
    log: () => readFileSync(join(spool, 'mainlog'), 'latin1'),
    async send({ text, from, to }) {
      // -odf: the delivery, and that of the notice, is over when it ends. -oi: a dot alone does not end the message.
      const words = ['-C', file, '-odf', '-oi', '-f', from, ...to];
      const { code, output } = await run(found('exim4')!, words, Buffer.from(text, 'latin1'));
      if (code !== 0) throw new Error(`exim ended with ${code}: ${output}`);
    },
  };
}

/** An Exim of its own that listens. */
export interface EximServer {
  readonly port: number;
  /** Maildirs, one for each address. */
  readonly mail: string;
  stop(): Promise<void>;
}

export interface EximServerOptions {
  /** For everything that it writes; made if it does not exist. */
  readonly directory: string;
  readonly hostname: string;
  /** Addresses with a Maildir. Others are relayed, or unknown. */
  readonly mailboxes?: readonly string[];
  /** Recipient domain → port of the server that takes its mail by SMTP. */
  readonly relay?: Readonly<Record<string, number>>;
}

export async function startExim(options: EximServerOptions): Promise<EximServer> {
  const { directory } = options;
  const { spool, mail } = await placesIn(directory);
  const port = await freePort();
  const file = join(directory, 'exim.conf');
  writeFileSync(file, serverConfig({ ...options, spool, mail, port }));
  const child = spawn(found('exim4')!, ['-C', file, '-bdf', '-oP', join(directory, 'pid')], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const server: EximServer = {
    port,
    mail,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
    },
  };
  await waitFor(() => {
    if (child.exitCode !== null) throw new Error(`exim ended with ${child.exitCode}: ${output}`);
    return greets(port);
  }).catch(async (error: unknown) => {
    await server.stop();
    throw error;
  });
  return server;
}

async function placesIn(directory: string): Promise<{ spool: string; mail: string }> {
  const [spool, mail] = [join(directory, 'spool'), join(directory, 'mail')];
  for (const path of [directory, spool, mail]) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
  }
  await run('chown', ['Debian-exim', spool, mail]);
  return { spool, mail };
}

function serverConfig(options: EximServerOptions & { spool: string; mail: string; port: number }): string {
  const { mailboxes = [], relay = {} } = options;
  const relays = Object.entries(relay);
  return `${common(options)}
daemon_smtp_ports = ${options.port}
local_interfaces = 127.0.0.1
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
tls_advertise_hosts =
acl_smtp_rcpt = known
acl_smtp_data = all
begin acl
known:
  require verify = recipient
  accept
all:
  accept
begin routers
${mailboxes
  .map(
    (address, at) => `
keep_${at}:
  driver = accept
  local_parts = ${address.slice(0, address.indexOf('@'))}
  domains = ${address.slice(address.indexOf('@') + 1)}
  address_data = ${address}
  transport = keep
`,
  )
  .join('')}
${relays
  .map(
    ([domain, port]) => `
to_${port}:
  driver = manualroute
  domains = ${domain}
  route_list = * 127.0.0.1 byname
  self = send
  transport = to_${port}
`,
  )
  .join('')}
begin transports
keep:
  driver = appendfile
  directory = ${options.mail}/$address_data
  maildir_format
  return_path_add
${relays
  .map(
    ([, port]) => `
to_${port}:
  driver = smtp
  port = ${port}
  hosts_avoid_tls = *
`,
  )
  .join('')}`;
}

const common = ({ hostname, spool }: { hostname: string; spool: string }): string => `
primary_hostname = ${hostname}
spool_directory = ${spool}
log_file_path = ${spool}/%slog
exim_path = ${found('exim4')}
keep_environment =
# Everything is done by Debian-exim: called with -C, it does not keep the rights of root.
deliver_drop_privilege
trusted_users = root
`;

const config = (options: EximOptions & { spool: string; maildir: string }): string => `${common(options)}
begin routers
back:
  driver = accept
  domains = ${options.domain}
  transport = maildir
out:
  driver = manualroute
  route_list = * 127.0.0.1 byname
  self = send
  transport = out
begin transports
maildir:
  driver = appendfile
  directory = ${options.maildir}
  maildir_format
  return_path_add
out:
  driver = smtp
  protocol = ${options.to.protocol}
  port = ${options.to.port}
  hosts_require_tls = *
  tls_verify_certificates =
`;
