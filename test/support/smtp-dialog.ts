import { connect, type Socket } from 'node:net';
import { connect as connectTls, TLSSocket } from 'node:tls';

/**
 * A client that says exactly what it is told and shows exactly what it hears, for tests of the dialog. Every wait
 * ends after 15 s, unless it is told another time.
 */
export class Dialog {
  #socket: Socket | TLSSocket;
  #heard = '';
  #closed = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#attach(socket);
  }

  /** Connects, and reads the greeting unless told not to. */
  static async open(port: number, options: { greeting?: boolean } = {}): Promise<Dialog> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    const dialog = new Dialog(socket);
    if (options.greeting !== false) await dialog.hear();
    return dialog;
  }

  /** Sends a command line and returns the whole reply, lines joined by `\n`, without the last line end. */
  async say(line: string): Promise<string> {
    this.send(`${line}\r\n`);
    return this.hear();
  }

  /** Sends octets as they are. */
  send(octets: string | Uint8Array): void {
    this.#socket.write(octets);
  }

  /** The next whole reply. Throws if the connection ends first. */
  async hear({ withinMs = 15_000 } = {}): Promise<string> {
    const end = /^\d{3}(?: .*)?\r\n/m;
    for (const until = Date.now() + withinMs; ;) {
      const match = end.exec(this.#heard);
      if (match) {
        const reply = this.#heard.slice(0, match.index + match[0].length);
        this.#heard = this.#heard.slice(reply.length);
        return reply.trimEnd().replaceAll('\r\n', '\n');
      }
      if (this.#closed) throw new Error(`the connection ended; heard ${JSON.stringify(this.#heard)}`);
      await this.#more(until);
    }
  }

  /** Waits for the server to close; what it said before that. */
  async closed(): Promise<string> {
    for (const until = Date.now() + 15_000; !this.#closed;) await this.#more(until);
    return this.#heard;
  }

  /** Goes on inside TLS; checks no certificate. Say STARTTLS first. */
  async secure(): Promise<void> {
    this.#socket.removeAllListeners('data');
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: false });
    await new Promise<void>((resolve, reject) => {
      secured.once('secureConnect', resolve);
      secured.once('error', reject);
    });
    this.#socket = secured;
    this.#attach(secured);
  }

  /** The server's certificate, once inside TLS. */
  get certificate(): string {
    const certificate = this.#socket instanceof TLSSocket && this.#socket.getPeerX509Certificate();
    return certificate ? certificate.toString() : '';
  }

  /** Ends without a word. */
  vanish(): void {
    this.#socket.destroy();
  }

  #attach(socket: Socket): void {
    socket.on('data', (chunk: Buffer) => {
      this.#heard += chunk.toString('latin1');
      this.#wake?.();
    });
    const close = (): void => {
      this.#closed = true;
      this.#wake?.();
    };
    socket.on('close', close);
    socket.on('error', close);
  }

  async #more(until: number): Promise<void> {
    const left = until - Date.now();
    if (left <= 0) throw new Error(`nothing more came; heard ${JSON.stringify(this.#heard)}`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, left);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
