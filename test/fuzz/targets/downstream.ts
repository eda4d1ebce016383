import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { silentLog } from '../../../src/base/log.ts';
import { spoolOf } from '../../../src/base/spool.ts';
import { formatReply } from '../../../src/mail/reply.ts';
import { smtpDownstream } from '../../../src/smtp/client.ts';
import type { DownstreamReply } from '../../../src/smtp/transaction.ts';
import { latin1 } from '../octets.ts';
import type { Target } from '../target.ts';

/** Ends what the server says in one go; then it waits until it hears something, but not for long. Behind the last it closes. */
const TURN = '\x1E';
const TURN_MS = 10;
const MOST_TURNS = 16;
const MESSAGE = 'Subject: x\r\n\r\n.\r\nbody\r\n';
const RECIPIENTS = ['a@example.com', 'b@example.com', 'c@example.com'];

let server: Promise<Server> | undefined;
let turns: Buffer[] = [];
let heard = '';
const sockets = new Set<Socket>();
let onceAlone = (): void => {};

function start(): Promise<Server> {
  const created = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    let next = 0;
    let timer: NodeJS.Timeout | undefined;
    const speak = (): void => {
      clearTimeout(timer);
      const turn = turns[next++];
      if (turn === undefined) return void socket.end();
      socket.write(turn);
      timer = setTimeout(speak, TURN_MS);
    };
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      sockets.delete(socket);
      if (sockets.size === 0) onceAlone();
    });
    socket.on('data', (octets) => {
      heard += latin1(octets);
      speak();
    });
    speak();
  });
  created.listen(0, '127.0.0.1');
  return once(created, 'listening').then(() => created);
}

async function send(octets: Buffer, protocol: 'smtp' | 'lmtp'): Promise<DownstreamReply[]> {
  const { port } = (await (server ??= start())).address() as AddressInfo;
  turns = latin1(octets)
    .split(TURN)
    .slice(0, MOST_TURNS)
    .map((turn) => Buffer.from(turn, 'latin1'));
  heard = '';
  const downstream = smtpDownstream({
    name: 'fuzz',
    protocol,
    host: '127.0.0.1',
    port,
    hostname: 'test.example',
    tls: 'none',
    timeouts: { commandMs: 1000, dataMs: 1000, finalReplyMs: 1000, connectMs: 1000 },
    log: silentLog,
  });
  const isBinary = octets.length % 3 === 0;
  const replies = await downstream.send({
    sender: { address: 's@example.com', params: isBinary ? { BODY: 'BINARYMIME' } : {} },
    recipients: RECIPIENTS.map((address) => ({ address, params: {} })),
    message: spoolOf(Buffer.from(MESSAGE)),
  });
  await downstream.close(1000);
  // All that the client has sent is heard only now, and it must not have left a connection open.
  await new Promise<void>((resolve) => {
    onceAlone = resolve;
    if (sockets.size === 0) resolve();
  });
  return replies;
}

/** The whole message has come to the server. */
const gotMessage = (): boolean =>
  heard.includes('\r\n\r\n..\r\nbody\r\n.\r\n') || heard.includes(` LAST\r\n${MESSAGE}`);

async function check(octets: Buffer, protocol: 'smtp' | 'lmtp'): Promise<void> {
  const replies = await send(octets, protocol);
  assert.equal(replies.length, RECIPIENTS.length);
  const positive = replies.filter(({ code }) => code < 400);
  for (const reply of replies) {
    assert.ok(reply.code >= 200 && reply.code < 600 && (reply.code < 300 || reply.code >= 400));
    assert.ok(!/\p{Cc}/u.test(formatReply(reply)), formatReply(reply));
  }
  // The mail is lost if we believe a yes that is none.
  const said =
    latin1(octets)
      .replaceAll(TURN, '')
      .match(/^2\d\d(?:[ \r\n]|$)/gm) ?? [];
  assert.ok(positive.length === 0 || gotMessage(), 'a yes means that all of the message was sent');
  const needed = protocol === 'lmtp' ? positive.length : Math.min(1, positive.length);
  // The greeting, EHLO, MAIL, each RCPT that was taken, and the end of the message.
  assert.ok(positive.length === 0 || said.length >= 3 + positive.length + needed, 'a yes was said');
  // Lines are commands of ours up to the message.
  const commands = heard.split(/DATA\r\n|BDAT /)[0]!;
  assert.match(commands, /^(?:(?:EHLO|HELO|LHLO|MAIL|RCPT|RSET|QUIT)[ -~]*\r\n)*$/);
}

/** `smtp/client.ts`, whole: a transaction with a server that says these octets. */
export const downstream: Target = {
  name: 'downstream',
  words: [
    TURN,
    '220 x\r\n',
    '250 ok\r\n',
    '250-PIPELINING\r\n',
    '250-x\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250 8BITMIME\r\n',
    '354 go\r\n',
    '550 5.1.1 no\r\n',
    '451 later\r\n',
    '421 4.3.2 bye\r\n',
    '25',
    '\r\n',
    '\n',
    '\0',
  ],
  properties: {
    'SMTP: each recipient gets one reply, and a yes only if the server said it to the whole message': (
      octets,
    ) => check(octets, 'smtp'),
    'LMTP: the same': (octets) => check(octets, 'lmtp'),
  },
  async end() {
    if (server !== undefined) (await server).close();
    for (const socket of sockets) socket.destroy();
  },
};
