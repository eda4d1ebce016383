import { createServer, type Server, type Socket } from 'node:net';

/** A mail as the scripted server received it. */
export interface ReceivedMail {
  /** The argument of MAIL, parameters included: `<a@b> SIZE=12`. */
  readonly from: string;
  /** Arguments of the accepted RCPTs. */
  readonly to: readonly string[];
  /** Dot-unstuffed. */
  readonly text: string;
}

/** What it says; whatever is left out is a plain acceptance. */
export interface Script {
  readonly extensions?: readonly string[];
  rcpt?(to: string): string;
  /** The final reply (in LMTP that of each recipient); undefined drops the connection instead. */
  data?(mail: ReceivedMail): string | undefined | Promise<string | undefined>;
}

/**
 * A real SMTP or LMTP server on the loopback interface for tests, which does as the script says. It takes what clients
 * pipeline, keeps what it got, and can go away and come back on its port.
 */
export class ScriptedMta {
  script: Script = {};
  readonly mails: ReceivedMail[] = [];
  /** Connections made so far. */
  connections = 0;
  /** Mails whose final dot has come, answered or not. */
  dots = 0;
  port = 0;
  readonly #lmtp: boolean;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  constructor(options: { protocol: 'smtp' | 'lmtp' }) {
    this.#lmtp = options.protocol === 'lmtp';
  }

  /** Listens, on the same port as before if it did before. */
  async start(): Promise<void> {
    const server = createServer({ noDelay: true }, (socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.port, '127.0.0.1', resolve);
    });
    const address = server.address();
    if (address === null || typeof address === 'string')
      throw new Error('Cannot tell the port of the scripted server');
    this.port = address.port;
  }

  /** Drops everybody and listens no more. */
  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    const dialog = this.#dialog();
    let buffered = '';
    let working: Promise<undefined> = Promise.resolve(undefined);
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      buffered += text;
      working = working.then(async () => {
        for (let end = buffered.indexOf('\r\n'); end >= 0; end = buffered.indexOf('\r\n')) {
          const line = buffered.slice(0, end);
          buffered = buffered.slice(end + 2);
          const answer = await dialog(line);
          if (answer === 'drop') socket.destroy();
          else if (answer !== '') socket.write(answer, 'latin1');
        }
        return undefined;
      });
    });
    socket.write('220 scripted ready\r\n');
  }

  /** Takes line after line; returns what to say, or `drop`. */
  #dialog(): (line: string) => Promise<string> {
    let from = '';
    let to: string[] = [];
    let body: string[] | undefined;
    return async (line) => {
      if (body !== undefined) {
        if (line !== '.') {
          body.push(line.startsWith('.') ? line.slice(1) : line);
          return '';
        }
        const mail = { from, to, text: body.map((text) => `${text}\r\n`).join('') };
        body = undefined;
        this.dots++;
        const answer = this.script.data === undefined ? '250 2.0.0 taken' : await this.script.data(mail);
        if (answer?.startsWith('2')) this.mails.push(mail);
        return answer === undefined ? 'drop' : `${answer}\r\n`.repeat(this.#lmtp ? to.length : 1);
      }
      const [verb = ''] = line.toUpperCase().split(/[ :]/);
      const argument = line.slice(line.indexOf(':') + 1);
      switch (verb) {
        case 'EHLO':
        case 'LHLO': {
          const names = [
            'scripted',
            ...(this.script.extensions ?? ['PIPELINING', '8BITMIME', 'SIZE 100000000']),
          ];
          return names.map((name, at) => `250${at === names.length - 1 ? ' ' : '-'}${name}\r\n`).join('');
        }
        case 'MAIL':
          from = argument;
          to = [];
          return '250 2.1.0 ok\r\n';
        case 'RCPT': {
          const answer = this.script.rcpt?.(argument) ?? '250 2.1.5 ok';
          if (answer.startsWith('2')) to.push(argument);
          return `${answer}\r\n`;
        }
        case 'DATA':
          if (to.length === 0) return '554 5.5.1 no recipients\r\n';
          body = [];
          return '354 go on\r\n';
        case 'QUIT':
          return 'drop';
        default:
          return '250 2.0.0 ok\r\n';
      }
    };
  }
}
