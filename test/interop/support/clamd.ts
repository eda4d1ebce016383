import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../../support/free-port.ts';
import { waitFor } from '../../support/postern.ts';
import { found } from './servers.ts';

/** The file that every scanner knows (eicar.org). In two pieces, so that none finds it in this repository. */
export const EICAR = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');
/** Text that this scanner takes for a virus wherever it stands. */
export const MARK = 'postern-test-virus';

/** ClamAV's daemon, with two signatures: `Eicar-Signature` of that very file, and `Postern.Mark` of a text. It adds `.UNOFFICIAL` to them. */
export interface Clamd {
  readonly port: number;
  readonly socket: string;
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** After `stop`, on the same port. */
  start(): Promise<void>;
}

/** `lines`: more of its configuration. */
export async function startClamd({
  directory,
  lines = [],
}: {
  readonly directory: string;
  readonly lines?: readonly string[];
}): Promise<Clamd> {
  const database = join(directory, 'signatures');
  mkdirSync(database, { recursive: true });
  const digest = createHash('md5').update(EICAR).digest('hex');
  writeFileSync(join(database, 'test.hdb'), `${digest}:${EICAR.length}:Eicar-Signature\n`);
  writeFileSync(join(database, 'test.ndb'), `Postern.Mark:0:*:${Buffer.from(MARK).toString('hex')}\n`);
  const port = await freePort();
  const socket = join(directory, 'clamd.sock');
  const file = join(directory, 'clamd.conf');
  const config = [
    'Foreground yes',
    `DatabaseDirectory ${database}`,
    `LocalSocket ${socket}`,
    'TCPAddr 127.0.0.1',
    `TCPSocket ${port}`,
    `TemporaryDirectory ${directory}`,
    'SelfCheck 3600',
    ...lines,
  ];
  writeFileSync(file, `${config.join('\n')}\n`);
  let child: ChildProcess | undefined;
  let output = '';
  const clamd: Clamd = {
    port,
    socket,
    async start() {
      const started = spawn(found('clamd')!, ['--config-file', file], { stdio: ['ignore', 'pipe', 'pipe'] });
      child = started;
      for (const stream of [started.stdout, started.stderr])
        stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
      await waitFor(() => {
        if (started.exitCode !== null) throw new Error(`clamd ended with ${started.exitCode}: ${output}`);
        return answersPing(port);
      });
    },
    async stop(signal = 'SIGTERM') {
      const running = child;
      if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
      const ended = new Promise((resolve) => running.once('exit', resolve));
      running.kill(signal);
      await ended;
    },
  };
  try {
    await clamd.start();
  } catch (error) {
    await clamd.stop('SIGKILL');
    throw error;
  }
  return clamd;
}

function answersPing(port: number): Promise<true | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('zPING\0'));
    const end = (heard?: true): void => {
      socket.destroy();
      resolve(heard);
    };
    socket.once('data', (said) => end(said.toString().startsWith('PONG') ? true : undefined));
    socket.once('error', () => end());
    socket.once('close', () => end());
    socket.setTimeout(2000, () => end());
  });
}
