import { createServer, type Server, type Socket } from 'node:net';

/**
 * A real SMTP server that takes everything at full speed and keeps only this: how often it has answered 250 to the message
 * with a given id (the first `X-Id:` field). It counts as it answers, so what it counted is what it has taken on itself.
 */
export class CountingSink {
  /** Id → copies taken. */
  readonly arrived = new Map<string, number>();
  /** Called with each message that is taken, and its id. */
  onTaken: ((id: string, message: string) => void) | undefined;
  /** Called when a part of a message has come and its end has not. */
  onPartial: (() => void) | undefined;
  port = 0;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  /** Copies beyond the first, of all messages together. */
  get duplicates(): number {
    let extra = 0;
    for (const copies of this.arrived.values()) extra += copies - 1;
    return extra;
  }

  /** Those of `ids` that did not arrive. */
  missing(ids: Iterable<string>): string[] {
    return [...ids].filter((id) => !this.arrived.has(id));
  }

  /** Listens, on the same port as before if it did before. */
  async start(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    this.port = (server.address() as { port: number }).port;
  }

  /** Drops everybody where they are, as a killed process would, and listens no more. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== undefined) await new Promise((resolve) => server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.setEncoding('latin1');
    let heard = '';
    let receiving = false;
    socket.on('data', (text: string) => {
      heard += text;
      let replies = '';
      while (!socket.destroyed) {
        const end = heard.indexOf(receiving ? '\r\n.\r\n' : '\r\n');
        if (end < 0) break;
        const taken = heard.slice(0, end);
        heard = heard.slice(end + (receiving ? 5 : 2));
        replies += receiving ? this.#take(taken) : answer(taken);
        receiving = !receiving && /^DATA$/i.test(taken);
      }
      if (replies !== '') socket.write(replies);
      if (receiving && heard !== '') this.onPartial?.();
    });
    socket.write('220 sink ready\r\n');
  }

  #take(message: string): string {
    const id = /^X-Id: (\S+)/m.exec(message)?.[1] ?? '';
    this.arrived.set(id, (this.arrived.get(id) ?? 0) + 1);
    this.onTaken?.(id, message);
    return '250 2.0.0 taken\r\n';
  }
}

function answer(line: string): string {
  const verb = line.slice(0, 4).toUpperCase();
  if (verb === 'EHLO') return '250-sink\r\n250-PIPELINING\r\n250-SIZE\r\n250 8BITMIME\r\n';
  if (verb === 'DATA') return '354 go on\r\n';
  return '250 2.0.0 ok\r\n';
}
