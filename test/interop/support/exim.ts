import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { found, run } from './servers.ts';

/** An Exim of its own that hands all mail to one server, by SMTP or LMTP and always over TLS. */
export interface Exim {
  /** Takes a message (Latin-1) and tries once to deliver it. */
  send(order: { text: string; from: string; to: readonly string[] }): Promise<void>;
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
  const [spool, maildir] = [join(directory, 'spool'), join(directory, 'mail')];
  for (const path of [directory, spool, maildir]) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
  }
  await run('chown', ['Debian-exim', spool, maildir]);
  const file = join(directory, 'exim.conf');
  writeFileSync(file, config({ ...options, spool, maildir }));
  return {
    maildir,
    async send({ text, from, to }) {
      // -odf: the delivery, and that of the notice, is over when it ends. -oi: a dot alone does not end the message.
      const words = ['-C', file, '-odf', '-oi', '-f', from, ...to];
      const { code, output } = await run(found('exim4')!, words, Buffer.from(text, 'latin1'));
      if (code !== 0) throw new Error(`exim ended with ${code}: ${output}`);
    },
  };
}

const config = (options: EximOptions & { spool: string; maildir: string }): string => `
primary_hostname = ${options.hostname}
spool_directory = ${options.spool}
log_file_path = ${options.spool}/%slog
exim_path = ${found('exim4')}
keep_environment =
# Everything is done by Debian-exim: called with -C, it does not keep the rights of root.
deliver_drop_privilege
trusted_users = root
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
