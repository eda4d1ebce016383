import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/**
 * A downstream for the client's tests: a real TCP server that does what a script says, good or bad. Only tests
 * use it.
 */
export class Peer {
  /** All lines that clients sent, in order, messages not included. */
  readonly lines: string[] = [];
  /** Octets of each DATA as they came over the wire, the final dot included. */
  readonly messages: Buffer[] = [];
  /** Octets of each BDAT. */
  readonly chunks: Buffer[] = [];
  connections = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  constructor(script: Script) {
    this.#server = createServer((socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      void run(script, new PeerSession(socket, { peer: this, number: this.connections }));
    });
  }

  /** Listens on a port of its own choice on loopback. */
  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('Cannot listen: no port');
    return address.port;
  }

  async listenOn(path: string): Promise<void> {
    this.#server.listen(path);
    await once(this.#server, 'listening');
  }

  get open(): number {
    return this.#sockets.size;
  }

  /** Ends all connections from the downstream's side. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.drop();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

export type Script = (session: PeerSession) => Promise<void>;

class Gone extends Error {}

async function run(script: Script, session: PeerSession): Promise<void> {
  try {
    await script(session);
  } catch (error) {
    if (!(error instanceof Gone)) throw error;
  }
}

/** One connection as the script sees it. Reading from one that is gone ends the script. */
class PeerSession {
  readonly socket: Socket;
  /** 1 for the first connection that the peer got. */
  readonly number: number;
  readonly #peer: Peer;
  #buffer: Buffer = Buffer.alloc(0);
  #gone = false;
  #wake: () => void = () => {};

  constructor(socket: Socket, { peer, number }: { peer: Peer; number: number }) {
    this.socket = socket;
    this.number = number;
    this.#peer = peer;
    socket.on('data', (octets: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, octets]);
      this.#wake();
    });
    socket.on('close', () => {
      this.#gone = true;
      this.#wake();
    });
  }

  say(...lines: string[]): void {
    if (!this.socket.destroyed) this.socket.write(lines.map((line) => `${line}\r\n`).join(''));
  }

  /** Octets as they are. */
  raw(octets: string): void {
    if (!this.socket.destroyed) this.socket.write(octets);
  }

  async line(): Promise<string> {
    const octets = await this.#until('\r\n');
    const line = octets.toString('utf8').slice(0, -2);
    this.#peer.lines.push(line);
    return line;
  }

  /** The message up to and with the final dot. */
  async message(): Promise<Buffer> {
    while (this.#buffer.length < 3 && !this.#gone) await this.#more();
    const lone = this.#buffer.toString('latin1', 0, 3) === '.\r\n';
    const octets = lone ? await this.#until('.\r\n') : await this.#until('\r\n.\r\n');
    this.#peer.messages.push(octets);
    return octets;
  }

  /** As many octets as BDAT announced. */
  async chunk(size: number): Promise<Buffer> {
    while (this.#buffer.length < size) {
      if (this.#gone) throw new Gone();
      await this.#more();
    }
    const octets = this.#buffer.subarray(0, size);
    this.#buffer = this.#buffer.subarray(size);
    this.#peer.chunks.push(octets);
    return octets;
  }

  /** What came and was not read yet. */
  get unread(): string {
    return this.#buffer.toString('latin1');
  }

  /** Waits until the client has closed. */
  async closed(): Promise<void> {
    while (!this.#gone) await this.#more();
  }

  async #until(end: string): Promise<Buffer> {
    for (;;) {
      const found = this.#buffer.indexOf(end);
      if (found !== -1) {
        const octets = this.#buffer.subarray(0, found + end.length);
        this.#buffer = this.#buffer.subarray(found + end.length);
        return octets;
      }
      if (this.#gone) throw new Gone();
      await this.#more();
    }
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

export interface Manners {
  readonly lmtp?: boolean;
  readonly extensions?: readonly string[];
  /** An answer other than the usual one; undefined for the usual. May act on the session itself. */
  readonly answer?: (line: string, session: PeerSession) => string | undefined | Promise<string | undefined>;
  /** The replies to the final dot; usually 250 for each recipient or for all. */
  readonly final?: (session: PeerSession, recipients: number) => readonly string[];
}

/** A downstream that behaves, but for what `manners` says. */
export function serving(manners: Manners = {}): Script {
  return async (session) => {
    session.say('220 peer.test ESMTP');
    let recipients = 0;
    for (;;) {
      const line = await session.line();
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'BDAT') await session.chunk(Number(line.split(' ')[1]));
      const special = await manners.answer?.(line, session);
      const said = special ?? usual(line, manners);
      if (said !== '') session.say(said);
      if (verb === 'RCPT' && said.startsWith('2')) recipients += 1;
      if (verb === 'QUIT') session.socket.end();
      const isLast = verb === 'BDAT' && line.endsWith(' LAST');
      if (isLast || (verb === 'DATA' && said.startsWith('3'))) {
        if (!isLast) await session.message();
        const each = Array.from({ length: manners.lmtp === true ? recipients : 1 }, () => '250 2.0.0 taken');
        session.say(...(manners.final?.(session, recipients) ?? each));
      }
      if (verb === 'DATA' || isLast || verb === 'RSET') recipients = 0;
    }
  };
}

/** Nothing after the last chunk: the final replies follow. */
function usual(line: string, { lmtp, extensions = [] }: Manners): string {
  const verb = line.slice(0, 4).toUpperCase();
  if (verb === 'BDAT') return line.endsWith(' LAST') ? '' : '250 2.0.0 chunk taken';
  if (verb === (lmtp === true ? 'LHLO' : 'EHLO')) {
    const lines = ['peer.test', ...extensions];
    return lines.map((line, index) => `250${index === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n');
  }
  if (verb === 'DATA') return '354 go on';
  if (verb === 'QUIT') return '221 2.0.0 bye';
  return ['HELO', 'MAIL', 'RCPT', 'RSET', 'NOOP'].includes(verb) ? '250 2.0.0 fine' : '500 5.5.2 what?';
}
