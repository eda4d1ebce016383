import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { formatReply } from '../mail/reply.ts';
import { smtpDownstream } from './client.ts';
import { Peer, serving, type Script } from './client-testing.ts';
import type { Downstream } from './transaction.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Limits {
  maxConnections?: number;
  idleSeconds?: number;
  maxTransactionsPerConnection?: number;
  timeouts?: { connectMs?: number; commandMs?: number };
}

async function start(script: Script, limits: Limits = {}): Promise<{ peer: Peer; downstream: Downstream }> {
  const peer = new Peer(script);
  const port = await peer.listen();
  const downstream = smtpDownstream({
    name: 'store',
    protocol: 'smtp',
    host: '127.0.0.1',
    port,
    hostname: 'gate.test',
    tls: 'none',
    log: silentLog,
    ...limits,
  });
  closers.push(
    () => downstream.close(100),
    () => peer.close(),
  );
  return { peer, downstream };
}

const sender = { address: 's@x.test', params: {} };
const request = {
  sender,
  recipients: [{ address: 'a@x.test', params: {} }],
  message: spoolOf(Buffer.from('Subject: x\r\n\r\nx\r\n')),
};
const send = async (downstream: Downstream) => formatReply((await downstream.send(request))[0]!);

/** Waits for what the other side of a socket will see in its own time. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('kept connections', () => {
  it('are at most so many, and all transactions in line get through', async () => {
    let most = 0;
    const { peer, downstream } = await start(
      serving({ answer: () => ((most = Math.max(most, peer.open)), undefined) }),
      { maxConnections: 3 },
    );
    const replies = await Promise.all(Array.from({ length: 50 }, () => send(downstream)));
    expect(replies).toEqual(Array.from({ length: 50 }, () => '250 2.0.0 taken'));
    expect(peer.connections).toBe(3);
    expect(most).toBe(3);
  });

  it('have a line that nobody waits in for ever', async () => {
    const { downstream } = await start(serving(), { maxConnections: 1, timeouts: { connectMs: 100 } });
    const holder = downstream.open();
    await holder.mail(sender);
    expect(await send(downstream)).toBe('450 4.3.2 downstream store is too busy');
    await holder.abort();
    expect(await send(downstream)).toBe('250 2.0.0 taken');
  });

  it('are replaced after so many transactions', async () => {
    const { peer, downstream } = await start(serving(), { maxTransactionsPerConnection: 2 });
    for (let n = 0; n < 5; n++) expect(await send(downstream)).toBe('250 2.0.0 taken');
    expect(peer.connections).toBe(3);
    await until(() => peer.lines.filter((line) => line === 'QUIT').length === 2);
  });

  it('are closed when idle for so long', async () => {
    const { peer, downstream } = await start(serving(), { idleSeconds: 0.05 });
    await Promise.all([send(downstream), send(downstream)]);
    expect(peer.connections).toBe(2);
    await until(() => peer.open === 0);
    expect(peer.lines.filter((line) => line === 'QUIT')).toHaveLength(2);
    expect(await send(downstream)).toBe('250 2.0.0 taken');
  });

  it('that the downstream closed while idle are not used', async () => {
    const { peer, downstream } = await start(serving());
    await send(downstream);
    peer.drop();
    await until(() => peer.open === 0);
    expect(await send(downstream)).toBe('250 2.0.0 taken');
    expect(peer.connections).toBe(2);
  });

  it.each([[['PIPELINING']], [[]]])(
    'that the downstream closes as MAIL comes are replaced unseen, with %j',
    async (extensions) => {
      for (const last of [undefined, '421 4.4.2 idle too long']) {
        let transactions = 0;
        const { peer, downstream } = await start(
          serving({
            extensions,
            answer: async (line, session) => {
              if (line.startsWith('MAIL')) transactions += 1;
              if (!line.startsWith('MAIL') || transactions % 2 === 1) return undefined;
              if (last !== undefined) session.say(last);
              session.socket.end();
              await session.closed();
              return undefined;
            },
          }),
        );
        expect(await send(downstream)).toBe('250 2.0.0 taken');
        expect(await send(downstream)).toBe('250 2.0.0 taken');
        expect(peer.connections).toBe(2);
        expect(peer.messages).toHaveLength(2);
        const transaction = downstream.open();
        expect(formatReply(await transaction.mail(sender))).toBe('250 2.0.0 fine');
        await transaction.abort();
        expect(peer.connections).toBe(3);
      }
    },
  );

  it('leave their place to the one that replaces them', async () => {
    const { peer, downstream } = await start(
      serving({
        answer: async (line, session) => {
          if (line.startsWith('MAIL') && peer.messages.length === 1 && session.number === 1) {
            session.socket.end();
            await session.closed();
          }
          return undefined;
        },
      }),
      { maxConnections: 2, timeouts: { connectMs: 300 } },
    );
    await send(downstream);
    const transactions = [downstream.open(), downstream.open()];
    for (const transaction of transactions) expect((await transaction.mail(sender)).code).toBe(250);
    for (const transaction of transactions) await transaction.abort();
    expect(peer.connections).toBe(3);
  });

  it('on which something came unasked are not used', async () => {
    const { peer, downstream } = await start(
      serving({
        final: (session) => {
          if (session.number === 1) setTimeout(() => session.say('250 by the way'), 20);
          return ['250 2.0.0 taken'];
        },
      }),
    );
    await send(downstream);
    await until(() => peer.open === 0);
    expect(await send(downstream)).toBe('250 2.0.0 taken');
    expect(peer.connections).toBe(2);
  });

  it.each(['RCPT', 'RSET'])('that said 421 to %s are not used, though they stay open', async (verb) => {
    const { peer, downstream } = await start(
      serving({
        answer: (line, session) =>
          line.startsWith(verb) && session.number === 1 ? '421 4.3.2 soon' : undefined,
      }),
    );
    const transaction = downstream.open();
    await transaction.mail(sender);
    await transaction.rcpt(request.recipients[0]!);
    await transaction.abort();
    expect(await send(downstream)).toBe('250 2.0.0 taken');
    expect(peer.connections).toBe(2);
  });

  it('that refuse RSET are not used', async () => {
    const { peer, downstream } = await start(
      serving({ answer: (line) => (line === 'RSET' ? '500 5.5.2 what?' : undefined) }),
    );
    const transaction = downstream.open();
    await transaction.mail(sender);
    await transaction.abort();
    expect(await send(downstream)).toBe('250 2.0.0 taken');
    expect(peer.connections).toBe(2);
  });

  it('are replaced once, not again and again', async () => {
    const { peer, downstream } = await start(
      serving({
        answer: async (line, session) => {
          if (line.startsWith('MAIL') && peer.messages.length > 0) {
            session.socket.end();
            await session.closed();
          }
          return undefined;
        },
      }),
    );
    expect(await send(downstream)).toBe('250 2.0.0 taken');
    expect(await send(downstream)).toBe('421 4.4.2 downstream store closed the connection');
    expect(peer.connections).toBe(2);
  });

  it('that are lost after MAIL was answered are not tried again', async () => {
    const { peer, downstream } = await start(
      serving({
        answer: async (line, session) => {
          if (line.startsWith('RCPT') && peer.messages.length > 0) {
            session.socket.end();
            await session.closed();
          }
          return undefined;
        },
      }),
    );
    expect(await send(downstream)).toBe('250 2.0.0 taken');
    expect(await send(downstream)).toBe('421 4.4.2 downstream store closed the connection');
    expect(peer.connections).toBe(1);
  });

  it('that are slow to answer MAIL are not tried again', async () => {
    const { peer, downstream } = await start(
      serving({
        answer: async (line, session) => {
          if (line.startsWith('MAIL') && peer.messages.length > 0) await session.closed();
          return undefined;
        },
      }),
      { timeouts: { commandMs: 100 } },
    );
    expect(await send(downstream)).toBe('250 2.0.0 taken');
    expect(await send(downstream)).toBe('421 4.4.2 downstream store did not answer in time');
    expect(peer.connections).toBe(1);
  });

  it('give their place to the line when they are lost', async () => {
    const { downstream } = await start(
      serving({
        answer: async (line, session) => {
          if (session.number === 1 && line.startsWith('RCPT')) {
            session.socket.end();
            await session.closed();
          }
          return undefined;
        },
      }),
      { maxConnections: 1 },
    );
    const replies = await Promise.all([send(downstream), send(downstream), send(downstream)]);
    expect(replies).toEqual([
      '421 4.4.2 downstream store closed the connection',
      '250 2.0.0 taken',
      '250 2.0.0 taken',
    ]);
  });

  it('that can not be made fail everyone in line, each on its own', async () => {
    const { peer, downstream } = await start(serving(), { maxConnections: 2 });
    await peer.close();
    closers.pop();
    const replies = await Promise.all(Array.from({ length: 20 }, () => send(downstream)));
    expect(new Set(replies)).toEqual(new Set(['421 4.4.1 downstream store cannot be reached']));
  });
});

describe('close', () => {
  it('says QUIT to idle connections and waits for busy ones', async () => {
    const { peer, downstream } = await start(serving());
    await Promise.all([send(downstream), send(downstream)]);
    const transaction = downstream.open();
    await transaction.mail(sender);
    const closing = downstream.close(10_000);
    expect(await send(downstream)).toBe('421 4.3.2 this server is shutting down');
    expect(formatReply(await transaction.rcpt(request.recipients[0]!))).toBe('250 2.0.0 fine');
    expect((await transaction.data(request.message)).map(formatReply)).toEqual(['250 2.0.0 taken']);
    await closing;
    expect(peer.messages).toHaveLength(3);
    await until(() => peer.open === 0);
    expect(peer.lines.filter((line) => line === 'QUIT')).toHaveLength(2);
  });

  it('ends what is still busy after its deadline', async () => {
    const { peer, downstream } = await start(serving({ final: () => [] }));
    const sent = send(downstream);
    await until(() => peer.messages.length === 1);
    await downstream.close(50);
    expect(await sent).toBe('421 4.3.2 this server is shutting down');
    await until(() => peer.open === 0);
  });

  it('answers those who wait in line', async () => {
    const { downstream } = await start(serving(), { maxConnections: 1 });
    const holder = downstream.open();
    await holder.mail(sender);
    const waiting = send(downstream);
    await downstream.close(0);
    expect(await waiting).toBe('421 4.3.2 this server is shutting down');
    expect(formatReply(await holder.rcpt(request.recipients[0]!))).toBe(
      '421 4.3.2 this server is shutting down',
    );
    await holder.abort();
  });
});
