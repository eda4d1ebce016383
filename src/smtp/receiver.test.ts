import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Receiver, type MessageSink, type ReceiverOwner } from './receiver.ts';

const cleanup: (() => void)[] = [];

afterEach(() => {
  for (const close of cleanup.splice(0)) close();
});

/** The two ends of a connection. */
async function pair(): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer({ allowHalfOpen: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = new Promise<Socket>((resolve) => listener.once('connection', resolve));
  const client = connect(address.port, '127.0.0.1');
  const server = await accepted;
  cleanup.push(
    () => client.destroy(),
    () => server.destroy(),
    () => listener.close(),
  );
  return { client, server };
}

/** Keeps what it is told; does what `onCommand` says. */
class Owner implements ReceiverOwner {
  readonly events: string[] = [];
  onCommand: (line: string) => Promise<void> = async () => {};

  async command(line: Parameters<ReceiverOwner['command']>[0]): Promise<void> {
    const text = line.kind === 'line' ? line.octets.toString() : `!${line.fault}`;
    this.events.push(text);
    await this.onCommand(text);
  }

  async messageEnd(): Promise<void> {
    this.events.push('(end)');
  }

  progress(): void {}

  drained(): void {
    this.events.push('(drained)');
  }

  hungUp(): void {
    this.events.push('(hung up)');
  }
}

const receiverFor = (owner: Owner): Receiver =>
  new Receiver(owner, { maxLength: 100, lineEndings: 'refuse' });

it('stops reading while the message cannot be stored, and goes on where it stopped', async () => {
  const { client, server } = await pair();
  const owner = new Owner();
  const receiver = receiverFor(owner);
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  let taken = 0;
  const sink: MessageSink = {
    async take(chunk) {
      await held;
      taken += chunk.length;
      return { consumed: chunk.length, ended: false };
    },
  };
  receiver.receiveMessage(sink);
  server.pipe(receiver);
  const total = 25_000_000;
  client.end(Buffer.alloc(total, 'x'));
  await expect.poll(() => server.bytesRead).toBeGreaterThan(0);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(server.bytesRead).toBeLessThan(500_000);
  release();
  await expect.poll(() => owner.events.at(-1)).toBe('(hung up)');
  expect(taken).toBe(total);
});

it('asks one thing at a time, and tells when all has been answered', async () => {
  const { client, server } = await pair();
  const owner = new Owner();
  const receiver = receiverFor(owner);
  let running = 0;
  let most = 0;
  owner.onCommand = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise(setImmediate);
    running -= 1;
  };
  server.pipe(receiver);
  client.end('A\r\nB\r\nC\r\nD');
  await expect.poll(() => owner.events.at(-1)).toBe('(hung up)');
  expect(owner.events).toEqual(['A', 'B', 'C', '(drained)', '(hung up)']);
  expect(most).toBe(1);
});

it('says nothing more once it is closed', async () => {
  const { client, server } = await pair();
  const owner = new Owner();
  const receiver = receiverFor(owner);
  owner.onCommand = async () => {
    receiver.isClosed = true;
  };
  server.pipe(receiver);
  client.end('A\r\nB\r\n');
  await once(receiver, 'finish');
  await receiver.settled;
  expect(owner.events).toEqual(['A']);
});

it('knows how much came behind the command it is at', async () => {
  const owner = new Owner();
  const receiver = receiverFor(owner);
  const unread: number[] = [];
  owner.onCommand = async () => {
    await new Promise(setImmediate);
    unread.push(receiver.unread);
  };
  receiver.write('A\r\nBB\r\n');
  receiver.write('xyz');
  await expect.poll(() => owner.events.filter((event) => event === '(drained)').length).toBe(2);
  expect(unread).toEqual([4 + 3, 3]);
  expect(receiver.unread).toBe(3);
});

it('ends with an error where its owner fails', async () => {
  const owner = new Owner();
  const receiver = receiverFor(owner);
  owner.onCommand = async () => {
    throw new Error('a mistake');
  };
  const failed = once(receiver, 'error');
  receiver.write('A\r\n');
  expect(await failed).toEqual([new Error('a mistake')]);
});
