import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, start, until, type Running } from './processes.ts';
import { ROOT } from './postern.ts';
import type { System } from './system.ts';

export const POSTFIX_SYSTEMS = {
  queue: 'Postfix, queue',
  milter: 'Postfix, queue and milter',
  proxy: 'Postfix, proxy without filter',
} as const;

/** What is missing to run it; undefined if nothing is. */
export function lackForPostfix(): string | undefined {
  if (process.getuid?.() !== 0) return 'Postfix can be started by root only';
  const lacks = ['postfix', 'gcc'].filter((program) => !isInstalled(program));
  if (!existsSync('/usr/include/libmilter/mfapi.h')) lacks.push('libmilter-dev');
  return lacks.length === 0 ? undefined : `not installed: ${lacks.join(', ')}`;
}

export function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

/**
 * A Postfix of its own, with its own configuration and queue, that shares nothing with one that is installed. Three
 * listeners: queue without and with the milter, and a before-queue proxy filter that is the sink itself, so that no filter is
 * in it. Its limits are raised and its brakes taken off where that helps it; it logs to syslog, whose work is not counted.
 */
export async function startPostfix(options: {
  messages: { queue: number; proxy: number };
  directory: string;
  sinkPort: number;
}): Promise<{ systems: readonly System[]; running: readonly Running[] }> {
  const { messages, sinkPort } = options;
  const directory = join(options.directory, 'postfix');
  mkdirSync(directory);
  const milter = startMilter(directory);
  const ports = { queue: await freePort(), milter: await freePort(), proxy: await freePort() };
  const postfix = await startMaster(directory, { sinkPort, ports, milter: milter.socket });
  const roots = [postfix.pid];
  const systems: System[] = [
    { name: POSTFIX_SYSTEMS.queue, port: ports.queue, roots, messages: messages.queue },
    {
      name: POSTFIX_SYSTEMS.milter,
      port: ports.milter,
      roots: [...roots, milter.running.pid],
      messages: messages.queue,
    },
    { name: POSTFIX_SYSTEMS.proxy, port: ports.proxy, roots, messages: messages.proxy },
  ];
  return { systems, running: [postfix, milter.running] };
}

/** By a Unix socket, which it is faster by. */
function startMilter(directory: string): { socket: string; running: Running } {
  const [program, socket] = [join(directory, 'milter'), `unix:${join(directory, 'milter.socket')}`];
  execFileSync('gcc', ['-O2', '-o', program, join(ROOT, 'bench', 'milter.c'), '-lmilter', '-lpthread']);
  return { socket, running: start(program, [socket], { stdio: 'ignore' }) };
}

async function startMaster(
  directory: string,
  options: { sinkPort: number; milter: string; ports: { queue: number; milter: number; proxy: number } },
): Promise<Running> {
  const { sinkPort, milter, ports } = options;
  const [config, queue, data] = ['config', 'queue', 'data'].map((name) => join(directory, name));
  for (const path of [config!, queue!, data!]) mkdirSync(path);
  const postfixUser = execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' });
  chownSync(data!, Number(postfixUser), statSync(data!).gid);

  const settings = {
    compatibility_level: '3.6',
    queue_directory: queue,
    data_directory: data,
    myhostname: 'postfix.test',
    mydestination: '',
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'ipv4',
    mynetworks: '127.0.0.0/8',
    relayhost: `[127.0.0.1]:${sinkPort}`,
    disable_dns_lookups: 'yes',
    smtpd_peername_lookup: 'no',
    alias_maps: '',
    alias_database: '',
    // So that the queue is delivered over as many connections as mail comes in by, at once and kept.
    default_process_limit: '100',
    initial_destination_concurrency: '20',
    default_destination_concurrency_limit: '20',
    smtp_connection_cache_destinations: `[127.0.0.1]:${sinkPort}`,
    // Otherwise it stops taking mail for a second whenever that comes faster than it goes.
    in_flow_delay: '0',
  };
  const text = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  writeFileSync(join(config!, 'main.cf'), text.join(''));
  const listen = (port: number, ...words: string[]) =>
    `127.0.0.1:${port} inet n - n - - smtpd ${words.join(' ')}\n`;
  const services = [
    listen(ports.queue),
    listen(ports.milter, '-o', `smtpd_milters=${milter}`),
    listen(ports.proxy, '-o', `smtpd_proxy_filter=127.0.0.1:${sinkPort}`),
    ...OTHER_SERVICES.map((line) => `${line}\n`),
  ];
  writeFileSync(join(config!, 'master.cf'), services.join(''));

  const running = start('postfix', ['-c', config!, 'start-fg'], { stdio: 'ignore' });
  const pid = await until(() => pidIn(join(queue!, 'pid', 'master.pid')), {
    ms: 20_000,
    what: 'the start of Postfix',
  });
  // The command waits for the master, which ends its own.
  const stop = (): Promise<void> => {
    process.kill(pid, 'SIGTERM');
    return running.ended;
  };
  return { pid, ended: running.ended, stop };
}

/** What a queue needs; the syntax and the values are those of Debian's master.cf, without the chroot. */
const OTHER_SERVICES = [
  'pickup unix n - n 60 1 pickup',
  'cleanup unix n - n - 0 cleanup',
  'qmgr unix n - n 300 1 qmgr',
  'rewrite unix - - n - - trivial-rewrite',
  'bounce unix - - n - 0 bounce',
  'defer unix - - n - 0 bounce',
  'trace unix - - n - 0 bounce',
  'verify unix - - n - 1 verify',
  'proxymap unix - - n - - proxymap',
  'smtp unix - - n - - smtp',
  'error unix - - n - - error',
  'retry unix - - n - - error',
  'anvil unix - - n - 1 anvil',
  'scache unix - - n - 1 scache',
];

function pidIn(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8').trim()) || undefined;
  } catch {
    return undefined; // not yet
  }
}
