import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../interop/support/servers.ts';
import { selfSigned } from '../../src/smtp/tls.ts';
import { freePort } from './free-port.ts';

/** An OpenLDAP server on loopback with one tree, by ldap (with StartTLS) and ldaps. End it. */
export interface Slapd {
  readonly ldap: number;
  readonly ldaps: number;
  /** PEM file of the certificate that it shows, for the name localhost. */
  readonly ca: string;
  readonly admin: { readonly dn: string; readonly password: string };
  stop(): Promise<void>;
  start(): Promise<void>;
  end(): Promise<void>;
}

const START_MS = 10_000;
const ADMIN = { dn: 'cn=admin,dc=example,dc=com', password: 'hunter2' };

/** The entries are LDIF below `dc=example,dc=com`, which is there. Who has not bound may not read. */
export async function startSlapd(entries: string): Promise<Slapd> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-slapd-'));
  const [ldap, ldaps] = [await freePort(), await freePort()];
  const { cert, key } = await selfSigned('localhost');
  const at = (name: string): string => join(directory, name);
  mkdirSync(at('db'));
  writeFileSync(at('cert.pem'), cert);
  writeFileSync(at('key.pem'), key, { mode: 0o600 });
  writeFileSync(at('slapd.conf'), configOf(at));
  writeFileSync(at('tree.ldif'), `${ROOT_ENTRY}\n${entries}`);
  let child: ChildProcess | undefined;

  const stop = async (): Promise<void> => {
    if (child === undefined) return;
    const ending = child;
    child = undefined;
    if (ending.exitCode !== null || ending.signalCode !== null) return;
    const exited = once(ending, 'exit');
    ending.kill('SIGKILL');
    await exited;
  };
  const start = async (): Promise<void> => {
    const urls = `ldap://127.0.0.1:${ldap} ldaps://127.0.0.1:${ldaps}`;
    // -d keeps it in the foreground.
    child = spawn('/usr/sbin/slapd', ['-d', '0', '-f', at('slapd.conf'), '-h', urls], { stdio: 'ignore' });
    const until = performance.now() + START_MS;
    while (!(await answers(ldaps))) {
      if (child.exitCode !== null) throw new Error(`slapd ended with ${child.exitCode}`);
      if (performance.now() > until) throw new Error('slapd did not start');
      await sleep(50);
    }
  };
  const end = async (): Promise<void> => {
    await stop();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    const added = await run('/usr/sbin/slapadd', ['-f', at('slapd.conf'), '-l', at('tree.ldif')]);
    if (added.code !== 0) throw new Error(`slapadd ended with ${added.code}: ${added.output}`);
    await start();
  } catch (thrown) {
    await end();
    throw thrown;
  }
  return { ldap, ldaps, ca: at('cert.pem'), admin: ADMIN, stop, start, end };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const ROOT_ENTRY = `dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
o: Example
dc: example
`;

const configOf = (at: (name: string) => string): string => `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile ${at('slapd.pid')}
TLSCertificateFile ${at('cert.pem')}
TLSCertificateKeyFile ${at('key.pem')}
TLSVerifyClient never
database mdb
suffix "dc=example,dc=com"
rootdn "${ADMIN.dn}"
rootpw ${ADMIN.password}
directory ${at('db')}
access to * by users read by anonymous auth
`;
