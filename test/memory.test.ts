import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, startPostern, temporaryDirectory, waitFor, type Postern } from './support/postern.ts';

/**
 * Memory is bounded by the number of sessions, never by the size of messages: 20 messages of 25 MB at once, each read whole
 * by a filter that changes it. What is measured is the most that the process has had resident since it started, all
 * threads, guests and buffers included.
 */
const MESSAGES = 20;
const OCTETS = 25_000_000;
const LIMIT_MB = 350;

const run = promisify(execFile);
const directory = temporaryDirectory();
const plugin = join(directory.path, 'bench.wasm');
let sink: DiscardingSink;
let gate: Postern | undefined;

beforeAll(async () => {
  const compiler = join(ROOT, 'sdk', 'assemblyscript', 'build.mjs');
  await run(process.execPath, [compiler, join(ROOT, 'bench', 'plugin', 'index.ts'), plugin]);
  sink = await DiscardingSink.start();
});

afterEach(async () => {
  await gate?.stop();
  gate = undefined;
});

afterAll(async () => {
  await sink.stop();
  directory.remove();
});

describe(`${MESSAGES} messages of ${OCTETS / 1e6} MB at once`, () => {
  it(`go through to a server within ${LIMIT_MB} MB`, { timeout: 180_000 }, async () => {
    gate = await startGate('through', { protocol: 'smtp', host: '127.0.0.1', port: sink.port });
    await sendAll(gate);
    expect(sink.sizes).toHaveLength(MESSAGES);
    for (const size of sink.sizes) expect(size).toBeGreaterThan(OCTETS);
    expect(peakMb(gate)).toBeLessThan(LIMIT_MB);
  });

  it(`go by the queue to a Maildir within ${LIMIT_MB} MB`, { timeout: 180_000 }, async () => {
    gate = await startGate('queue', { protocol: 'maildir', path: './mail' });
    await sendAll(gate);
    const folder = join(gate.directory, 'mail', 'to@example.com', 'new');
    const files = await waitFor(async () => {
      const names = await readdir(folder).catch(() => []);
      return names.length < MESSAGES ? undefined : names;
    });
    expect(files).toHaveLength(MESSAGES);
    for (const name of files) expect((await stat(join(folder, name))).size).toBeGreaterThan(OCTETS);
    expect(peakMb(gate)).toBeLessThan(LIMIT_MB);
  });
});

function startGate(mode: 'through' | 'queue', out: object): Promise<Postern> {
  const listener = { protocol: 'smtp', address: '127.0.0.1', port: 0, domains: ['example.com'] };
  return startPostern(
    {
      listeners: { in: { ...listener, downstream: 'out', mode, group: 'all', maxMessageSize: '30MB' } },
      downstreams: { out },
      // The time that it takes on a busy machine is not what is tested.
      services: { bench: { plugin, allowModify: true, limits: { deadlineMs: 60_000 } } },
      groups: { all: ['bench'] },
    },
    { directory: join(directory.path, mode) },
  );
}

async function sendAll(to: Postern): Promise<void> {
  const replies = await Promise.all(Array.from({ length: MESSAGES }, () => send(to.ports['in']!)));
  expect(replies).toEqual(replies.map(() => expect.stringMatching(/^250 /)));
  await waitFor(() => {
    const filtered = to.log.filter(({ services }) => JSON.stringify(services ?? '').includes('modified'));
    return filtered.length === MESSAGES ? true : undefined;
  });
}

const HEADER = 'From: from@example.net\r\nSubject: large\r\n\r\n';
const LINES = Buffer.from(`${'0123456789abcdef'.repeat(4)}\r\n`.repeat(1000));

/** Sends one message, as fast as it is taken; the reply to its end. */
async function send(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  const lines = socket[Symbol.asyncIterator]();
  const hear = async (): Promise<string> => {
    // One reply is one segment here: nothing is pipelined.
    const { value, done } = (await lines.next()) as IteratorResult<string, undefined>;
    if (done === true) throw new Error('the connection ended');
    return value;
  };
  await hear();
  for (const command of [
    'EHLO client.test',
    'MAIL FROM:<from@example.net>',
    'RCPT TO:<to@example.com>',
    'DATA',
  ]) {
    socket.write(`${command}\r\n`);
    expect(await hear()).toMatch(/^[23]/);
  }
  socket.write(HEADER);
  for (let sent = HEADER.length; sent < OCTETS; sent += LINES.length) {
    if (!socket.write(LINES)) await once(socket, 'drain');
  }
  socket.write('.\r\n');
  const reply = await hear();
  socket.end('QUIT\r\n');
  return reply;
}

/** The most that was resident, in MB. */
function peakMb({ pid }: Postern): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024) / 1e6;
}

/** Takes everything and keeps only how long each message was. */
class DiscardingSink {
  readonly sizes: number[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor() {
    this.#server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
  }

  static async start(): Promise<DiscardingSink> {
    const sink = new DiscardingSink();
    sink.#server.listen(0, '127.0.0.1');
    await once(sink.#server, 'listening');
    return sink;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    let size = 0;
    let receiving = false;
    // Postern sends a command, or a message, and then waits: the end of either is the end of a chunk.
    let tail = '';
    socket.on('data', (chunk: Buffer) => {
      tail = (tail + chunk.subarray(-5).toString('latin1')).slice(-5);
      if (receiving) {
        size += chunk.length;
        if (tail !== '\r\n.\r\n') return;
        this.sizes.push(size);
        [size, receiving] = [0, false];
        socket.write('250 2.0.0 taken\r\n');
        return;
      }
      const command = chunk.toString('latin1');
      receiving = /^DATA\r\n$/im.test(command);
      socket.write(receiving ? '354 go on\r\n' : '250 2.0.0 ok\r\n');
    });
    socket.write('220 sink ready\r\n');
  }
}
