import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { formatReply } from '../mail/reply.ts';
import { smtpDownstream } from './client.ts';

/** Postfix's test server: a downstream that we did not write. */
const SINK = '/usr/sbin/smtp-sink';

let sink: ChildProcess | undefined;
afterEach(async () => {
  if (sink === undefined) return;
  sink.kill();
  await once(sink, 'exit');
  sink = undefined;
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('Cannot find a free port');
  return address.port;
}

async function startSink(...flags: string[]): Promise<number> {
  const port = await freePort();
  const user = userInfo().uid === 0 ? ['-u', 'nobody'] : [];
  sink = spawn(SINK, [...user, ...flags, `127.0.0.1:${port}`, '100'], { stdio: 'ignore' });
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const up = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (up) return port;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('Cannot start smtp-sink: it does not listen');
}

describe.skipIf(!existsSync(SINK))('with smtp-sink', () => {
  it.each([
    ['smtp', []],
    ['smtp', ['-p']],
    ['lmtp', ['-L']],
  ] as const)('delivers by %s %j', async (protocol, flags) => {
    const port = await startSink(...flags);
    const downstream = smtpDownstream({
      name: 'sink',
      protocol,
      host: '127.0.0.1',
      port,
      hostname: 'gate.test',
      tls: 'opportunistic',
      maxConnections: 5,
      log: silentLog,
    });
    const message = spoolOf(Buffer.from(`Subject: x\r\n\r\n${'.dot\r\n'.repeat(30_000)}`));
    const recipients = ['a@x.test', 'b@x.test'].map((address) => ({ address, params: {} }));
    const request = { sender: { address: 's@x.test', params: {} }, recipients, message };
    const replies = await Promise.all(Array.from({ length: 30 }, () => downstream.send(request)));
    expect(replies.flat().map(({ code }) => code)).toEqual(Array.from({ length: 60 }, () => 250));

    const transaction = downstream.open();
    expect(formatReply(await transaction.mail(request.sender))).toMatch(/^250/);
    for (const recipient of recipients)
      expect(formatReply(await transaction.rcpt(recipient))).toMatch(/^250/);
    expect((await transaction.data(message)).map(({ code }) => code)).toEqual([250, 250]);
    await downstream.close(1000);
  });
});
