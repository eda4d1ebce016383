import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';

/** An unbound on loopback that knows these records, and asks nobody. End it. */
export interface Unbound {
  readonly port: number;
  end(): Promise<void>;
}

export interface UnboundZone {
  /** Lines of zone files: `example.test. 300 IN A 192.0.2.1`. */
  readonly records: readonly string[];
  /** Their names are known, with the records above and no others. */
  readonly zones: readonly string[];
  /** Questions in these are dropped. */
  readonly silent?: readonly string[];
  /** Answered with REFUSED. */
  readonly refused?: readonly string[];
  /** Asked of the server on this port. */
  readonly forwarded?: { readonly zone: string; readonly port: number };
}

const PROGRAM = '/usr/sbin/unbound';
const START_MS = 10_000;

export async function startUnbound(zone: UnboundZone): Promise<Unbound> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-unbound-'));
  const port = await freePort();
  const file = join(directory, 'unbound.conf');
  writeFileSync(file, configOf(zone, { directory, port }));
  const child = spawn(PROGRAM, ['-d', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(child, 'exit');
  let said = '';
  const started = new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`unbound ended with ${code}: ${said}`)));
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('start of service')) resolve();
    });
    setTimeout(() => reject(new Error(`unbound did not start: ${said}`)), START_MS).unref();
  });
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await exited;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await started;
  } catch (thrown) {
    await end();
    throw thrown;
  }
  return { port, end };
}

const configOf = (zone: UnboundZone, { directory, port }: { directory: string; port: number }): string => `
server:
  interface: 127.0.0.1
  port: ${port}
  do-ip6: no
  do-daemonize: no
  chroot: ""
  username: ""
  directory: "${directory}"
  pidfile: ""
  use-syslog: no
  log-time-ascii: no
  verbosity: 1
  num-threads: 1
  module-config: "iterator"
  do-not-query-localhost: no
  local-zone: "test." nodefault
  access-control: 127.0.0.0/8 allow
${zone.zones.map((name) => `  local-zone: "${name}" static`).join('\n')}
${(zone.silent ?? []).map((name) => `  local-zone: "${name}" always_deny`).join('\n')}
${(zone.refused ?? []).map((name) => `  local-zone: "${name}" always_refuse`).join('\n')}
${zone.records.map((record) => `  local-data: '${record}'`).join('\n')}
remote-control:
  control-enable: no
${zone.forwarded ? `forward-zone:\n  name: "${zone.forwarded.zone}"\n  forward-addr: 127.0.0.1@${zone.forwarded.port}` : ''}
`;
