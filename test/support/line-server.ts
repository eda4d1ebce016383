import { createServer, type Server, type Socket } from 'node:net';

/** The server's side of one connection, for a test to play. */
export interface Peer {
  /** Lines, each with its CRLF. */
  say(...lines: string[]): void;
  /** The next line, without CRLF; undefined if the client is gone. */
  hear(): Promise<string | undefined>;
  drop(): void;
  /** Closes after what was said. */
  end(): void;
}

/** A server on the loopback interface that behaves as badly as a test wants: it plays `behave` with each connection. */
export class LineServer {
  connections = 0;
  port = 0;
  readonly #behave: (peer: Peer) => Promise<void>;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(behave: (peer: Peer) => Promise<void>) {
    this.#behave = behave;
  }

  async start(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    this.port = (server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => (this.#server === undefined ? resolve(0) : this.#server.close(resolve)));
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    let buffered = '';
    let gone = false;
    let wake: (() => void) | undefined;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      buffered += text;
      wake?.();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.#sockets.delete(socket);
      gone = true;
      wake?.();
    });
    void this.#behave({
      say: (...lines) => void socket.write(lines.map((line) => `${line}\r\n`).join('')),
      drop: () => void socket.destroy(),
      end: () => void socket.end(),
      hear: async () => {
        for (;;) {
          const end = buffered.indexOf('\r\n');
          if (end >= 0) {
            const line = buffered.slice(0, end);
            buffered = buffered.slice(end + 2);
            return line;
          }
          if (gone) return undefined;
          await new Promise<void>((resolve) => (wake = resolve));
        }
      },
    });
  }
}

/** What a decent server says; a test overrides what it wants to be bad. `drop` ends the connection, '' says nothing. */
export type Habits = Partial<
  Record<'greeting' | 'EHLO' | 'LHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'body' | 'dot' | 'RSET', string>
>;

/** Behaves decently but for the given habits. `body` is done once a part of the message has come. */
export function decentBut(habits: Habits): (peer: Peer) => Promise<void> {
  const decent = { greeting: '220 nasty', EHLO: '250-nasty\r\n250 PIPELINING', DATA: '354 go on' };
  const act = (peer: Peer, step: keyof Habits, fallback: string): void => {
    const said = habits[step] ?? fallback;
    if (said === 'drop') peer.drop();
    else if (said !== '') peer.say(said);
  };
  return async (peer) => {
    act(peer, 'greeting', decent.greeting);
    for (let line = await peer.hear(); line !== undefined; line = await peer.hear()) {
      const verb = line.slice(0, 4).toUpperCase();
      switch (verb) {
        case 'EHLO':
        case 'LHLO':
          act(peer, verb, decent.EHLO);
          break;
        case 'DATA': {
          act(peer, 'DATA', decent.DATA);
          if (!(habits.DATA ?? decent.DATA).startsWith('354')) break;
          for (let text = await peer.hear(); text !== undefined && text !== '.'; text = await peer.hear()) {
            if (habits.body !== undefined) act(peer, 'body', '');
          }
          act(peer, 'dot', '250 2.0.0 taken');
          break;
        }
        case 'HELO':
          peer.say('250 nasty');
          break;
        case 'MAIL':
        case 'RCPT':
        case 'RSET':
          act(peer, verb, '250 2.0.0 ok');
          break;
        case 'QUIT':
          peer.drop();
      }
    }
  };
}
