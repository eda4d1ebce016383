import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';

const MACHINE = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
const FOLDERS = [
  '/usr/sbin',
  '/usr/bin',
  // Where `.ci/run` unpacks Exim and OpenSMTPD, whose packages can't be installed beside Postfix.
  '/opt/postern-exim/usr/sbin',
  '/opt/postern-opensmtpd/usr/sbin',
  // Where Cyrus keeps what is not for users.
  '/usr/lib/cyrus/bin',
  // What rsyslog loads; Debian has its TLS in a package of its own.
  `/usr/lib/${MACHINE}-linux-gnu/rsyslog`,
];

/** The path of a program, if it is installed. */
export const found = (program: string): string | undefined =>
  FOLDERS.map((folder) => `${folder}/${program}`).find((path) => existsSync(path));

/**
 * Why tests that need these programs can't run here, for the name of the test; '' if they can. Where the servers are
 * required (`.ci/run`), a missing one is an error.
 */
export function lacks(...programs: string[]): string {
  const missing = programs.filter((program) => found(program) === undefined);
  // The servers take on the identities of users of their own.
  if (process.getuid?.() !== 0) missing.push('root');
  if (missing.length === 0) return '';
  const reason = `needs ${missing.join(', ')}`;
  if (process.env['POSTERN_REQUIRE_SERVERS']) throw new Error(`Cannot test with other servers: ${reason}`);
  return ` (skipped: ${reason})`;
}

/** Who owns mailboxes: neither server delivers as root. */
export const MAILBOX_OWNER = 65_534;

export interface Finished {
  /** Exit code. */
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
}

/** Runs a program to its end, at most 60 s. */
export function run(
  program: string,
  words: readonly string[],
  input: string | Uint8Array = '',
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, words, { timeout: 60_000 }, (error, stdout, stderr) => {
      const output = stdout + stderr;
      if (error === null) resolve({ code: 0, output });
      else if (typeof error.code === 'number') resolve({ code: error.code, output });
      else reject(error);
    });
    child.stdin!.on('error', () => {});
    child.stdin!.end(input);
  });
}

/** Whether a server on this port says something. */
export function greets(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (heard?: true): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.once('data', () => end(true));
    socket.once('error', () => end());
    socket.once('close', () => end());
    socket.setTimeout(2000, () => end());
  });
}
