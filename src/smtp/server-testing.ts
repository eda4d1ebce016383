import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { withDeadline } from '../base/deadline.ts';
import type { Log } from '../base/log.ts';
import type { Spool } from '../base/spool.ts';
import type { Recipient, Sender } from '../mail/envelope.ts';
import { reply } from '../mail/reply.ts';
import type { Answer, ClientFacts, Ending, Offers, SessionHandler, TlsFacts } from './handler.ts';
import type { ListenerOptions } from './listener-options.ts';
import { startListener, type Listener } from './server.ts';

/** What the tests of the server share: a handler that records, a listener around it, and a client of raw sockets. */

const WAIT_MS = 10_000;

type Method = keyof SessionHandler;

/** Says yes to everything unless told otherwise, and keeps what it was asked. */
class RecordingHandler implements SessionHandler {
  readonly client: ClientFacts;
  readonly calls: string[] = [];
  readonly messages: Buffer[] = [];
  readonly tls: TlsFacts[] = [];
  readonly endings: Ending[] = [];
  readonly closed: Promise<string>;
  readonly #script: Script;
  #accepted: string[] = [];
  #close: (reason: string) => void = () => {};

  constructor(client: ClientFacts, script: Script) {
    this.client = client;
    this.#script = script;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  async offers(): Promise<Offers> {
    const offers = { prdr: false, bypass: false, eightBit: true, binary: true, utf8: true };
    return { ...offers, ...this.#script.offers };
  }

  connect(): Promise<Answer> {
    return this.#answer('connect', '', { reply: reply(220, undefined, 'test.example ESMTP') });
  }

  helo(command: { verb: string; name: string }): Promise<Answer> {
    return this.#answer('helo', `${command.verb} ${command.name}`);
  }

  starttls(tls: TlsFacts): Promise<Answer> {
    this.tls.push(tls);
    return this.#answer('starttls', tls.version);
  }

  auth(identity: { user: string; mechanism: string }): Promise<Answer> {
    return this.#answer('auth', `${identity.mechanism} ${identity.user}`);
  }

  mail(sender: Sender): Promise<Answer> {
    this.#accepted = [];
    return this.#answer('mail', sender.address);
  }

  async rcpt(recipient: Recipient): Promise<Answer> {
    const answer = await this.#answer('rcpt', recipient.address);
    if (answer.reply.code < 400) this.#accepted.push(recipient.address);
    return answer;
  }

  data(): Promise<Answer> {
    return this.#answer('data', '');
  }

  async message(spool: Spool): Promise<Answer[]> {
    const octets = Buffer.from(await spool.read(0, spool.size));
    this.messages.push(octets);
    await spool.discard();
    this.calls.push(`message ${octets.length}`);
    const scripted = await this.#script.message?.(octets, this.#accepted);
    return scripted ?? [OK];
  }

  async reset(ending: Ending): Promise<void> {
    this.endings.push(ending);
    this.calls.push('reset');
  }

  async close(reason: string): Promise<void> {
    this.calls.push('close');
    this.#close(reason);
  }

  async #answer(method: Method, argument: string, otherwise: Answer = OK): Promise<Answer> {
    this.calls.push(argument === '' ? method : `${method} ${argument}`);
    return (await this.#script.answer?.(method, argument)) ?? otherwise;
  }
}

export const OK: Answer = { reply: reply(250, '2.0.0', 'OK') };

/** What the handler says instead of yes. */
export interface Script {
  /** Neither PRDR nor OPES-BYPASS unless said. */
  readonly offers?: Partial<Offers>;
  readonly answer?: (method: Method, argument: string) => Answer | undefined | Promise<Answer | undefined>;
  readonly message?: (octets: Buffer, recipients: readonly string[]) => Answer[] | Promise<Answer[]>;
}

interface LogLine {
  readonly level: string;
  readonly fields: Record<string, unknown>;
  readonly message: string;
}

/** A listener on a free port, with the handlers of its sessions and its log. */
export interface TestListener {
  readonly listener: Listener;
  readonly handlers: RecordingHandler[];
  readonly log: LogLine[];
  readonly spoolDirectory: string;
  readonly connect: () => Promise<TestClient>;
}

const listeners: Listener[] = [];

export async function openListener(
  options: Partial<ListenerOptions> = {},
  script: Script = {},
): Promise<TestListener> {
  const log: LogLine[] = [];
  const write =
    (level: string) =>
    (fields: object, message: string): void =>
      void log.push({ level, fields: { ...fields }, message });
  const recorder: Log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  const spoolDirectory = mkdtempSync(join(tmpdir(), 'postern-server-'));
  const handlers: RecordingHandler[] = [];
  const listener = await startListener(
    {
      name: 'test',
      protocol: 'smtp',
      address: '127.0.0.1',
      port: 0,
      hostname: 'test.example',
      log: recorder,
      spoolDirectory,
      maxMessageSize: 1_000_000,
      ...options,
    },
    (client) => {
      const handler = new RecordingHandler(client, script);
      handlers.push(handler);
      return handler;
    },
  );
  listeners.push(listener);
  return {
    listener,
    handlers,
    log,
    spoolDirectory,
    connect: () => TestClient.connect(listener.port),
  };
}

/** For `afterEach`. */
export async function closeListeners(): Promise<void> {
  await Promise.all(listeners.splice(0).map((listener) => listener.close(0)));
}

/** Sends octets as they are and reads replies. Every wait ends after ten seconds. */
export class TestClient {
  socket: Socket;
  #received = '';
  #ended = false;
  #wake: () => void = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    this.#listen(socket);
  }

  static async connect(port: number): Promise<TestClient> {
    const socket = connectSocket({ host: '127.0.0.1', port, allowHalfOpen: true });
    socket.setNoDelay(true);
    const client = new TestClient(socket);
    await withDeadline(once(socket, 'connect'), { ms: WAIT_MS, what: 'connecting' });
    return client;
  }

  send(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Sends a command and gives its reply. */
  async ask(command: string): Promise<string> {
    this.send(`${command}\r\n`);
    return await this.reply();
  }

  /** The next reply, all its lines, joined by a newline. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(this.#received);
      if (match !== null) {
        this.#received = this.#received.slice(match[0].length);
        return match[0].trimEnd().replaceAll('\r\n', '\n');
      }
      if (this.#ended) throw new Error(`connection closed, left over: ${JSON.stringify(this.#received)}`);
      await this.#more('a reply');
    }
  }

  /** All replies until the server closes, one a line. */
  async rest(): Promise<string[]> {
    while (!this.#ended) await this.#more('the end of the connection');
    const lines = this.#received.split('\r\n').filter((line) => line !== '');
    this.#received = '';
    return lines;
  }

  /** Greeting and EHLO. */
  async greet(command = 'EHLO client.example'): Promise<string> {
    await this.reply();
    return await this.ask(command);
  }

  /** MAIL and RCPT, and DATA up to its 354. */
  async begin(): Promise<void> {
    await this.ask('MAIL FROM:<a@example.com>');
    await this.ask('RCPT TO:<b@example.com>');
    await this.ask('DATA');
  }

  /** STARTTLS and the handshake, without checking the certificate. */
  async startTls(): Promise<string> {
    const answer = await this.ask('STARTTLS');
    if (!answer.startsWith('220')) return answer;
    const plain = this.socket;
    plain.removeAllListeners('data');
    plain.removeAllListeners('end');
    const secure = connectTls({ socket: plain, rejectUnauthorized: false, servername: 'test.example' });
    this.socket = secure;
    this.#listen(secure);
    await withDeadline(once(secure, 'secureConnect'), { ms: WAIT_MS, what: 'the TLS handshake' });
    return answer;
  }

  #listen(socket: Socket): void {
    const end = (): void => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('data', (chunk) => {
      this.#received += chunk.toString('latin1');
      this.#wake();
    });
    socket.on('end', end);
    socket.on('close', end);
    socket.on('error', end);
  }

  async #more(what: string): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    if (!this.#ended) await withDeadline(woken, { ms: WAIT_MS, what });
  }
}
