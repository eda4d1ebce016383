import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../../../src/base/log.ts';
import type { Spool } from '../../../src/base/spool.ts';
import { reply } from '../../../src/mail/reply.ts';
import type { Answer, SessionHandler } from '../../../src/smtp/handler.ts';
import { ReplyParser } from '../../../src/smtp/reply-parser.ts';
import { startListener, type Listener } from '../../../src/smtp/server.ts';
import { chunkings, latin1 } from '../octets.ts';
import type { Target } from '../target.ts';

const OK: Answer = { reply: reply(250, '2.0.0', 'OK') };
const NO: Answer = { reply: reply(550, '5.7.1', 'No') };
const MAX_SIZE = 4000;

/** Says no to what has `no` in it, and keeps what it was asked. */
class Handler implements SessionHandler {
  readonly calls: string[] = [];
  readonly messages: string[] = [];
  readonly closed: Promise<void>;
  #accepted = 0;
  #prdr = false;
  readonly #isLmtp: boolean;
  #close: () => void = () => {};

  constructor(isLmtp: boolean) {
    this.#isLmtp = isLmtp;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
  }

  async offers() {
    return { prdr: true, bypass: true, eightBit: true, binary: true, utf8: true };
  }

  connect(): Promise<Answer> {
    this.calls.push('connect');
    return Promise.resolve({ reply: reply(220, undefined, 'test ESMTP') });
  }

  helo({ name }: { name: string }): Promise<Answer> {
    return this.#answer('helo', name);
  }

  starttls(): Promise<Answer> {
    return this.#answer('starttls', '');
  }

  auth(): Promise<Answer> {
    return this.#answer('auth', '');
  }

  async mail({ address, params }: Parameters<SessionHandler['mail']>[0]): Promise<Answer> {
    this.#accepted = 0;
    this.#prdr = 'PRDR' in params;
    return this.#answer('mail', address);
  }

  async rcpt({ address }: Parameters<SessionHandler['rcpt']>[0]): Promise<Answer> {
    const answer = await this.#answer('rcpt', address);
    if (answer === OK) this.#accepted += 1;
    return answer;
  }

  data(): Promise<Answer> {
    return this.#answer('data', '');
  }

  async message(spool: Spool): Promise<Answer[]> {
    this.messages.push(latin1(await spool.read(0, spool.size)));
    await spool.discard();
    this.calls.push('message');
    const each = this.#prdr ? this.#accepted + 1 : this.#isLmtp ? this.#accepted : 1;
    return Array.from({ length: each }, () => OK);
  }

  reset(): Promise<void> {
    this.calls.push('reset');
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.calls.push('close');
    this.#close();
    return Promise.resolve();
  }

  #answer(call: string, argument: string): Promise<Answer> {
    this.calls.push(call);
    return Promise.resolve(argument.includes('no') ? NO : OK);
  }
}

interface Server {
  /** For messages; nothing may be left in it. */
  readonly directory: string;
  readonly listener: Listener;
  readonly handler: Handler;
}

const servers = new Map<string, Promise<Server>>();

async function start(protocol: 'smtp' | 'lmtp'): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-fuzz-'));
  let handler = new Handler(protocol === 'lmtp');
  const listener = await startListener(
    {
      name: 'fuzz',
      protocol,
      address: '127.0.0.1',
      port: 0,
      hostname: 'test.example',
      log: silentLog,
      spoolDirectory: directory,
      maxMessageSize: MAX_SIZE,
      limits: { recipients: 5, errors: 20, commandLine: 512 },
    },
    () => (handler = new Handler(protocol === 'lmtp')),
  );
  return {
    directory,
    listener,
    get handler() {
      return handler;
    },
  };
}

interface Heard {
  readonly replies: string;
  readonly calls: readonly string[];
  readonly messages: readonly string[];
}

/** One session in which the client sends these chunks, closes its side, and reads to the end. */
async function session(protocol: 'smtp' | 'lmtp', chunks: readonly Buffer[]): Promise<Heard> {
  if (!servers.has(protocol)) servers.set(protocol, start(protocol));
  const server = await servers.get(protocol)!;
  const socket = connect({ host: '127.0.0.1', port: server.listener.port, noDelay: true });
  const received: Buffer[] = [];
  const ended = new Promise<void>((resolve) => {
    // A server that hangs up on what is still being sent resets the connection.
    socket.on('error', () => {});
    socket.on('close', () => resolve());
  });
  socket.on('data', (octets) => received.push(octets));
  await new Promise<void>((resolve) => {
    socket.once('data', () => resolve());
  });
  const { handler } = server;
  for (const chunk of chunks) {
    if (!socket.writable) break;
    socket.write(chunk);
    // Now and then; a turn for each of thousands would take all the time.
    if (chunk.length > 1) await new Promise(setImmediate);
  }
  socket.end();
  await ended;
  await handler.closed;
  return { replies: latin1(Buffer.concat(received)), calls: handler.calls, messages: handler.messages };
}

/** What may be asked after what, told as one text of the calls' letters. */
const ORDER =
  /^connect (?:(?:helo|starttls|auth|reset) |mail (?:mail |rcpt |data |reset |helo |auth )*(?:message )?)*close$/;

async function check(protocol: 'smtp' | 'lmtp', octets: Buffer): Promise<void> {
  const [whole, , anyhow] = chunkings(octets.subarray(0, 8000));
  const heard = await session(protocol, whole!);
  assert.match(heard.calls.join(' '), ORDER);
  assert.equal(heard.calls.filter((call) => call === 'close').length, 1);
  for (const message of heard.messages) assert.ok(message.length <= MAX_SIZE);
  const parser = new ReplyParser();
  parser.push(Buffer.from(heard.replies, 'latin1'));
  for (let next = parser.next(); next !== undefined; next = parser.next()) assert.ok('reply' in next);
  // Whoever hangs up in the middle of a reply may not hear its end.
  if (heard.replies.endsWith('\n')) assert.ok(parser.empty);
  for (const line of heard.replies.split('\r\n')) {
    assert.ok(line.length <= 510 && /^(?:\d{3}[ -][ -~]*)?$/.test(line), line);
  }
  const again = await session(protocol, anyhow!);
  assert.deepEqual([again.messages, again.calls], [heard.messages, heard.calls]);
  // A connection that is reset loses replies on the way.
  if (!heard.calls.includes('reset')) assert.ok(again.replies.length > 0);
  const { directory } = await servers.get(protocol)!;
  assert.deepEqual(readdirSync(directory), [], 'nothing is left of messages');
}

/** `smtp/server.ts`, whole: a session over a real socket with all that a client sends. */
export const dialog: Target = {
  name: 'dialog',
  words: [
    'EHLO a\r\n',
    'HELO a\r\n',
    'LHLO a\r\n',
    'MAIL FROM:<a@example.com>\r\n',
    'MAIL FROM:<a@example.com> BODY=BINARYMIME\r\n',
    'MAIL FROM:<> PRDR\r\n',
    'RCPT TO:<b@example.com>\r\n',
    'RCPT TO:<no@example.com>\r\n',
    'DATA\r\n',
    'BDAT 5\r\n',
    'BDAT 3 LAST\r\n',
    'BDAT 99999999999999999999\r\n',
    'RSET\r\n',
    'NOOP\r\n',
    'VRFY x\r\n',
    'QUIT\r\n',
    'STARTTLS\r\n',
    'AUTH PLAIN\r\n',
    '\r\n.\r\n',
    '.\r\n',
    '\n',
    '\0',
  ],
  properties: {
    'SMTP: replies are lines, calls come in order, no message is too large, and all is the same whatever the chunks':
      (octets) => check('smtp', octets),
    'LMTP: the same': (octets) => check('lmtp', octets),
  },
  async end() {
    for (const server of servers.values()) {
      const { listener, directory } = await server;
      await listener.close(0);
      rmSync(directory, { recursive: true, force: true });
    }
  },
};
