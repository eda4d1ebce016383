import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { smtpDownstream } from './client.ts';
import { Peer, serving } from './client-testing.ts';
import { closers, endAll, from, message, requestTo, said, start, WIRE } from './client-setup-testing.ts';

afterEach(endAll);

describe('LMTP', () => {
  it('gives each accepted recipient its own final reply, in order', async () => {
    const { peer, downstream } = await start(
      serving({
        lmtp: true,
        extensions: ['PIPELINING'],
        answer: (line) => (line.includes('no@') ? '550 5.1.1 no' : undefined),
        final: () => ['250 2.0.0 one', '452 4.2.2 over quota'],
      }),
      { protocol: 'lmtp' },
    );
    expect(said(await downstream.send(requestTo('a@x.test', 'no@x.test', 'b@x.test')))).toEqual([
      '250 2.0.0 one',
      '550 5.1.1 no',
      '452 4.2.2 over quota',
    ]);
    expect(peer.lines[0]).toBe('LHLO gate.test');
    const transaction = downstream.open();
    await transaction.mail(from('s@x.test'));
    await transaction.rcpt(from('a@x.test'));
    await transaction.rcpt(from('no@x.test'));
    await transaction.rcpt(from('b@x.test'));
    expect(said(await transaction.data(message))).toEqual(['250 2.0.0 one', '452 4.2.2 over quota']);
    expect(peer.connections).toBe(1);
  });

  it('answers itself for those whose reply never came', async () => {
    const { downstream } = await start(
      serving({
        lmtp: true,
        final: (session) => {
          session.raw('250 2.0.0 one\r\n25');
          session.socket.end();
          return [];
        },
      }),
      { protocol: 'lmtp' },
    );
    expect(said(await downstream.send(requestTo('a@x.test', 'b@x.test', 'c@x.test')))).toEqual([
      '250 2.0.0 one',
      'local 451 4.4.2 downstream store gave no reply for this recipient',
      'local 451 4.4.2 downstream store gave no reply for this recipient',
    ]);
  });

  it('ends the connection if one reply more comes than there are recipients', async () => {
    const { peer, downstream } = await start(
      serving({ lmtp: true, final: () => ['250 one', '250 two', '250 three'] }),
      { protocol: 'lmtp' },
    );
    expect(said(await downstream.send(requestTo('a@x.test', 'b@x.test')))).toEqual(['250 one', '250 two']);
    expect(said(await downstream.send(requestTo('a@x.test', 'b@x.test')))).toEqual(['250 one', '250 two']);
    expect(peer.connections).toBe(2);
  });

  it('ends the connection when DATA was accepted for nobody, as no reply can be due', async () => {
    const { peer, downstream } = await start(
      serving({
        lmtp: true,
        extensions: ['PIPELINING'],
        answer: (line) => (line.includes('no@') ? '550 5.1.1 no' : undefined),
      }),
      { protocol: 'lmtp', maxConnections: 1 },
    );
    expect(said(await downstream.send(requestTo('no@x.test')))).toEqual(['550 5.1.1 no']);
    expect(said(await downstream.send(requestTo('a@x.test')))).toEqual(['250 2.0.0 taken']);
    expect(peer.connections).toBe(2);
    expect(peer.messages.map(String)).toEqual([WIRE]);
  });

  it("takes no reply before the final dot for any one recipient's", async () => {
    const { downstream } = await start(
      serving({
        lmtp: true,
        answer: (line) => (line === 'DATA' ? '354 go on\r\n550 5.2.2 full' : undefined),
      }),
      { protocol: 'lmtp' },
    );
    const nonsense =
      'local 451 4.5.0 downstream store answered nonsense: a reply before the end of the message';
    expect(said(await downstream.send(requestTo('a@x.test', 'b@x.test')))).toEqual([nonsense, nonsense]);
  });

  it('quotes a 421 for those behind it', async () => {
    const { downstream } = await start(
      serving({
        lmtp: true,
        final: (session) => (session.say('250 2.0.0 one', '421 4.3.2 closing'), session.socket.end(), []),
      }),
      { protocol: 'lmtp' },
    );
    expect(said(await downstream.send(requestTo('a@x.test', 'b@x.test', 'c@x.test')))).toEqual([
      '250 2.0.0 one',
      '421 4.3.2 closing',
      '421 4.3.2 closing',
    ]);
  });

  it('works over a Unix socket', async () => {
    const path = `/tmp/postern-client-${process.pid}.sock`;
    const peer = new Peer(serving({ lmtp: true }));
    await peer.listenOn(path);
    const downstream = smtpDownstream({
      name: 'store',
      protocol: 'lmtp',
      path,
      hostname: 'gate.test',
      tls: 'none',
      log: silentLog,
    });
    closers.push(
      () => downstream.close(100),
      () => peer.close(),
    );
    expect(said(await downstream.send(requestTo('a@x.test')))).toEqual(['250 2.0.0 taken']);
  });
});
