import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { formatReply } from '../mail/reply.ts';
import { smtpDownstream } from './client.ts';
import type { ClientTimeouts, SmtpDownstreamOptions } from './client-options.ts';
import { Peer, serving, type Script } from './client-testing.ts';
import type { Downstream, DownstreamReply } from './transaction.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Extra {
  protocol?: 'smtp' | 'lmtp';
  timeouts?: Partial<ClientTimeouts>;
  maxConnections?: number;
  idleSeconds?: number;
  maxTransactionsPerConnection?: number;
}

async function start(script: Script, extra: Extra = {}): Promise<{ peer: Peer; downstream: Downstream }> {
  const peer = new Peer(script);
  const port = await peer.listen();
  const options: SmtpDownstreamOptions = {
    name: 'store',
    protocol: 'smtp',
    host: '127.0.0.1',
    port,
    hostname: 'gate.test',
    tls: 'none',
    log: silentLog,
    ...extra,
  };
  const downstream = smtpDownstream(options);
  closers.push(
    () => downstream.close(100),
    () => peer.close(),
  );
  return { peer, downstream };
}

const from = (address: string) => ({ address, params: {} });
const to = (...addresses: string[]) => addresses.map(from);
const message = spoolOf(Buffer.from('Subject: x\r\n\r\n.dot\r\nend\r\n'));
const WIRE = 'Subject: x\r\n\r\n..dot\r\nend\r\n.\r\n';
const said = (replies: readonly DownstreamReply[]) =>
  replies.map((reply) => `${reply.local === true ? 'local ' : ''}${formatReply(reply)}`);
const requestTo = (...addresses: string[]) => ({
  sender: from('s@x.test'),
  recipients: to(...addresses),
  message,
});

const LOST = 'local 421 4.4.2 downstream store closed the connection';
const SLOW = 'local 421 4.4.2 downstream store did not answer in time';

describe('a transaction step by step', () => {
  it("gives the downstream's own replies", async () => {
    const { peer, downstream } = await start(
      serving({
        extensions: ['PIPELINING', 'SIZE 1000'],
        answer: (line) => (line.includes('no@') ? '550-5.1.1 no such\r\n550 5.1.1 user' : undefined),
      }),
    );
    expect(downstream.extensions).toBeUndefined();
    const transaction = downstream.open();
    expect(await transaction.mail({ address: 's@x.test', params: { SIZE: '25', BODY: '8BITMIME' } })).toEqual(
      {
        code: 250,
        enhanced: '2.0.0',
        lines: ['fine'],
      },
    );
    expect(await transaction.rcpt(from('no@x.test'))).toEqual({
      code: 550,
      enhanced: '5.1.1',
      lines: ['no such', 'user'],
    });
    expect(said([await transaction.rcpt(from('a@x.test'))])).toEqual(['250 2.0.0 fine']);
    expect(said([await transaction.rcpt(from('b@x.test'))])).toEqual(['250 2.0.0 fine']);
    expect(said(await transaction.data(message))).toEqual(['250 2.0.0 taken', '250 2.0.0 taken']);
    await transaction.abort();

    expect(peer.messages.map(String)).toEqual([WIRE]);
    expect(peer.lines).toEqual([
      'EHLO gate.test',
      'MAIL FROM:<s@x.test> SIZE=25',
      'RCPT TO:<no@x.test>',
      'RCPT TO:<a@x.test>',
      'RCPT TO:<b@x.test>',
      'DATA',
    ]);
    expect(downstream.extensions?.get('SIZE')).toBe('1000');
  });

  it('takes the connection up again, after RSET where a transaction was given up', async () => {
    const { peer, downstream } = await start(serving());
    const first = downstream.open();
    await first.mail(from('one@x.test'));
    await first.rcpt(from('a@x.test'));
    await first.abort();
    await first.abort();
    const second = downstream.open();
    await second.mail(from('two@x.test'));
    expect(await second.data(message)).toEqual([]);
    const third = downstream.open();
    await third.mail(from('three@x.test'));
    await third.abort();
    expect(peer.connections).toBe(1);
    expect(peer.lines.filter((line) => !line.startsWith('RCPT'))).toEqual([
      'EHLO gate.test',
      'MAIL FROM:<one@x.test>',
      'RSET',
      'MAIL FROM:<two@x.test>',
      'RSET',
      'MAIL FROM:<three@x.test>',
      'RSET',
    ]);
  });

  it('may say MAIL again after it was refused, and refuses commands out of order itself', async () => {
    const { peer, downstream } = await start(
      serving({ answer: (line) => (line === 'MAIL FROM:<bad@x.test>' ? '550 5.7.1 no' : undefined) }),
    );
    const transaction = downstream.open();
    expect(said([await transaction.rcpt(from('a@x.test'))])).toEqual([
      'local 503 5.5.1 bad sequence of commands',
    ]);
    expect(said([await transaction.mail(from('bad@x.test'))])).toEqual(['550 5.7.1 no']);
    expect(said([await transaction.mail(from('s@x.test'))])).toEqual(['250 2.0.0 fine']);
    expect(said([await transaction.mail(from('t@x.test'))])).toEqual([
      'local 503 5.5.1 bad sequence of commands',
    ]);
    await transaction.abort();
    expect(said([await transaction.mail(from('s@x.test'))])).toEqual([
      'local 503 5.5.1 bad sequence of commands',
    ]);
    expect(peer.connections).toBe(1);
  });

  it('gives the reply to DATA to every accepted recipient', async () => {
    const { peer, downstream } = await start(
      serving({ answer: (line) => (line === 'DATA' ? '452 4.3.1 full' : undefined) }),
    );
    const transaction = downstream.open();
    await transaction.mail(from('s@x.test'));
    for (const recipient of to('a@x.test', 'b@x.test')) await transaction.rcpt(recipient);
    expect(said(await transaction.data(message))).toEqual(['452 4.3.1 full', '452 4.3.1 full']);
    const next = downstream.open();
    await next.mail(from('t@x.test'));
    await next.abort();
    expect(peer.lines.at(-2)).toBe('MAIL FROM:<t@x.test>');
  });
});

describe('a whole transaction at once', () => {
  it.each([{ extensions: ['PIPELINING', 'SIZE'] }, { extensions: ['SIZE'] }])(
    'gives each recipient its reply with %j',
    async ({ extensions }) => {
      const { peer, downstream } = await start(
        serving({ extensions, answer: (line) => (line.includes('no@') ? '550 5.1.1 no' : undefined) }),
      );
      for (let round = 0; round < 2; round++) {
        expect(
          said(await downstream.send(requestTo('a@x.test', 'no@x.test', 'b@x.test', 'a>@x.test'))),
        ).toEqual([
          '250 2.0.0 taken',
          '550 5.1.1 no',
          '250 2.0.0 taken',
          'local 553 5.1.3 the recipient address is not valid',
        ]);
      }
      expect(peer.connections).toBe(1);
      expect(peer.messages.map(String)).toEqual([WIRE, WIRE]);
      expect(peer.lines[1]).toBe(`MAIL FROM:<s@x.test> SIZE=${message.size}`);
    },
  );

  it('says MAIL, RCPT and DATA in one go only where PIPELINING is offered', async () => {
    for (const extensions of [['PIPELINING'], []]) {
      const behind: string[] = [];
      const { downstream } = await start(
        serving({
          extensions,
          answer: async (line, session) => {
            if (!line.startsWith('MAIL')) return undefined;
            await new Promise((resolve) => setTimeout(resolve, 20));
            behind.push(session.unread);
            return undefined;
          },
        }),
      );
      await downstream.send(requestTo('a@x.test'));
      expect(behind).toEqual([extensions.length === 1 ? 'RCPT TO:<a@x.test>\r\nDATA\r\n' : '']);
    }
  });

  it.each([['PIPELINING'], []].map((extensions) => ({ extensions })))(
    'gives all the reply to a refused MAIL with %j, and goes on',
    async ({ extensions }) => {
      let transaction = 0;
      const { peer, downstream } = await start(
        serving({
          extensions,
          answer: (line) => {
            if (line.startsWith('MAIL')) transaction += 1;
            if (transaction !== 1) return undefined;
            if (line.startsWith('MAIL')) return '451 4.7.1 later';
            return line.startsWith('RCPT') || line === 'DATA' ? '503 5.5.1 no MAIL' : undefined;
          },
        }),
      );
      const request = requestTo('a@x.test', 'b@x.test');
      expect(said(await downstream.send(request))).toEqual(['451 4.7.1 later', '451 4.7.1 later']);
      expect(said(await downstream.send(request))).toEqual(['250 2.0.0 taken', '250 2.0.0 taken']);
      expect(peer.connections).toBe(1);
    },
  );

  it('ends DATA with a lone dot where it was accepted for nobody (RFC 2920)', async () => {
    const { peer, downstream } = await start(
      serving({
        extensions: ['PIPELINING'],
        answer: (line) => (line.includes('no@') ? '550 5.1.1 no' : undefined),
        final: (_session, recipients) => [
          recipients === 0 ? '554 5.5.1 no valid recipients' : '250 2.0.0 taken',
        ],
      }),
      { maxConnections: 1 },
    );
    expect(said(await downstream.send(requestTo('no@x.test')))).toEqual(['550 5.1.1 no']);
    expect(said(await downstream.send(requestTo('a@x.test')))).toEqual(['250 2.0.0 taken']);
    expect(peer.connections).toBe(1);
    expect(peer.messages.map(String)).toEqual(['.\r\n', WIRE]);
  });

  it('says RSET where the downstream refused DATA because it accepted nobody', async () => {
    const { peer, downstream } = await start(
      serving({
        extensions: ['PIPELINING'],
        answer: (line) =>
          line.includes('no@') ? '550 5.1.1 no' : line === 'DATA' ? '503 5.5.1 no' : undefined,
      }),
      { maxConnections: 1 },
    );
    expect(said(await downstream.send(requestTo('no@x.test')))).toEqual(['550 5.1.1 no']);
    expect(said(await downstream.send(requestTo('a@x.test', 'no@x.test')))).toEqual([
      '503 5.5.1 no',
      '550 5.1.1 no',
    ]);
    expect(peer.connections).toBe(1);
    expect(peer.lines.filter((line) => line === 'RSET').length).toBeGreaterThanOrEqual(1);
  });

  it('sends nothing to nobody', async () => {
    const { peer, downstream } = await start(serving());
    expect(await downstream.send(requestTo())).toEqual([]);
    expect(peer.connections).toBe(0);
  });

  it('asks for SMTPUTF8 where a recipient needs it, and refuses that one where it is not offered', async () => {
    const offering = await start(serving({ extensions: ['SMTPUTF8', 'PIPELINING'] }));
    expect(said(await offering.downstream.send(requestTo('ä@x.test')))).toEqual(['250 2.0.0 taken']);
    expect(offering.peer.lines.slice(1, 3)).toEqual(['MAIL FROM:<s@x.test> SMTPUTF8', 'RCPT TO:<ä@x.test>']);
    const lacking = await start(serving());
    expect(said(await lacking.downstream.send(requestTo('ä@x.test', 'a@x.test')))).toEqual([
      'local 550 5.6.7 downstream store does not take internationalised mail',
      '250 2.0.0 taken',
    ]);
    expect(said(await lacking.downstream.send(requestTo('ä@x.test')))).toHaveLength(1);
  });

  it('falls back to HELO', async () => {
    const { peer, downstream } = await start(
      serving({ answer: (line) => (line.startsWith('EHLO') ? '502 5.5.1 what?' : undefined) }),
    );
    expect(said(await downstream.send(requestTo('a@x.test')))).toEqual(['250 2.0.0 taken']);
    expect(peer.lines.slice(0, 2)).toEqual(['EHLO gate.test', 'HELO gate.test']);
    expect(downstream.extensions?.size).toBe(0);
  });

  it('sends a large message whole to a downstream that reads slowly', async () => {
    const text = Array.from(
      { length: 60_000 },
      (_, line) => `.line ${line} ${'x'.repeat(line % 80)}\r\n`,
    ).join('');
    const { peer, downstream } = await start(
      serving({
        answer: (line, session) => {
          if (line === 'DATA') {
            session.socket.pause();
            setTimeout(() => session.socket.resume(), 100);
          }
          return undefined;
        },
      }),
    );
    const large = { ...requestTo('a@x.test'), message: spoolOf(Buffer.from(text)) };
    expect(said(await downstream.send(large))).toEqual(['250 2.0.0 taken']);
    expect(String(peer.messages[0]) === `${text.replaceAll('\r\n.', '\r\n..').replace(/^/, '.')}.\r\n`).toBe(
      true,
    );
  });

  it('lets nothing out behind a bare line ending', async () => {
    const { peer, downstream } = await start(serving({ extensions: ['PIPELINING'] }));
    const smuggled = 'Subject: x\r\n\r\nx\n.\r\nMAIL FROM:<evil@x.test>\r\nRCPT TO:<a@x.test>\r\n';
    const request = { ...requestTo('a@x.test'), message: spoolOf(Buffer.from(smuggled)) };
    expect(said(await downstream.send(request))).toEqual([
      'local 550 5.6.0 the message has a bare CR or LF (RFC 5321 section 2.3.8)',
    ]);
    expect(peer.messages).toEqual([]);
    expect(peer.lines).not.toContain('MAIL FROM:<evil@x.test>');
  });

  it('breaks off before the final dot if the message can not be read', async () => {
    const { peer, downstream } = await start(serving());
    const broken = {
      size: 200_000,
      read: async (offset: number) => {
        if (offset > 0) throw new Error('EIO');
        return Buffer.from(`${'x'.repeat(70)}\r\n`.repeat(900));
      },
    };
    expect(said(await downstream.send({ ...requestTo('a@x.test'), message: broken }))).toEqual([
      'local 451 4.3.0 the message could not be read',
    ]);
    expect(peer.messages).toEqual([]);
    expect(said(await downstream.send(requestTo('a@x.test')))).toEqual(['250 2.0.0 taken']);
  });
});

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

describe('a downstream that misbehaves', () => {
  it('can not be reached', async () => {
    const { peer, downstream } = await start(serving());
    await peer.close();
    closers.pop();
    expect(said(await downstream.send(requestTo('a@x.test', 'b@x.test')))).toEqual([
      'local 421 4.4.1 downstream store cannot be reached',
      'local 421 4.4.1 downstream store cannot be reached',
    ]);
    const transaction = downstream.open();
    expect(said([await transaction.mail(from('s@x.test'))])).toEqual([
      'local 421 4.4.1 downstream store cannot be reached',
    ]);
    await transaction.abort();
  });

  it.each<[string, Script, string]>([
    ['never greets', async (s) => s.closed(), SLOW],
    ['closes at once', async (s) => void s.socket.end(), LOST],
    ['greets with 421', async (s) => void (s.say('421 4.3.2 full'), s.socket.end()), '421 4.3.2 full'],
    [
      'greets with 554',
      async (s) => s.say('554 5.7.1 go away'),
      'local 451 4.3.0 downstream store refused the session: 554 5.7.1 go away',
    ],
    [
      'speaks HTTP',
      async (s) => s.raw('HTTP/1.1 400 Bad Request\r\n\r\n'),
      'local 451 4.5.0 downstream store answered nonsense: HTTP/1.1 400 Bad Request',
    ],
    [
      'greets with 354',
      async (s) => s.say('354 go on'),
      'local 451 4.5.0 downstream store answered nonsense: 354 where a 2xx was due',
    ],
    [
      'greets without end',
      async (s) => s.raw('220-x\r\n'.repeat(5000)),
      'local 451 4.5.0 downstream store answered nonsense: a reply of more than 100 lines',
    ],
    [
      'greets in one endless line',
      async (s) => s.raw('220 '.repeat(100_000)),
      'local 451 4.5.0 downstream store answered nonsense: a line of more than 2048 octets',
    ],
    [
      'greets twice',
      async (s) => s.say('220 one', '220 two'),
      'local 451 4.5.0 downstream store answered nonsense: 220 unasked',
    ],
    ['never answers EHLO', serving({ answer: async (_line, s) => (await s.closed(), undefined) }), SLOW],
  ])('%s', async (_what, script, expected) => {
    const { peer, downstream } = await start(script, { timeouts: { commandMs: 150 } });
    expect(said(await downstream.send(requestTo('a@x.test')))).toEqual([expected]);
    expect(peer.connections).toBe(1);
  });

  it.each<[string, 'MAIL' | 'RCPT' | 'DATA' | 'final', string[], string]>([
    ['421 and close at MAIL', 'MAIL', ['421 4.3.2 closing'], '421 4.3.2 closing'],
    ['421 and close at RCPT', 'RCPT', ['421 4.3.2 closing'], '421 4.3.2 closing'],
    ['421 and close at DATA', 'DATA', ['421 4.3.2 closing'], '421 4.3.2 closing'],
    ['421 and close at the dot', 'final', ['421 4.3.2 closing'], '421 4.3.2 closing'],
    ['close at MAIL', 'MAIL', [], LOST],
    ['close at RCPT', 'RCPT', [], LOST],
    ['close at DATA', 'DATA', [], LOST],
    ['close after the dot', 'final', [], LOST],
    ['half a reply', 'final', ['250-half'], LOST],
    [
      '250 to DATA',
      'DATA',
      ['250 yes'],
      'local 451 4.5.0 downstream store answered nonsense: 250 where a 3xx was due',
    ],
    [
      '354 to RCPT',
      'RCPT',
      ['354 yes'],
      'local 451 4.5.0 downstream store answered nonsense: 354 where a 2xx was due',
    ],
    ['nonsense at the dot', 'final', ['yes!'], 'local 451 4.5.0 downstream store answered nonsense: yes!'],
  ])('%s', async (_what, where, lines, expected) => {
    for (const extensions of [['PIPELINING'], []]) {
      const act = (session: Parameters<Script>[0]) => {
        if (lines.length > 0) session.say(...lines);
        session.socket.end();
      };
      const { downstream } = await start(
        serving({
          extensions,
          answer: async (line, session) => {
            if (!line.startsWith(where)) return undefined;
            act(session);
            await session.closed();
            return '250 too late';
          },
          final: (session) => {
            if (where === 'final') act(session);
            return [];
          },
        }),
      );
      expect(said(await downstream.send(requestTo('a@x.test')))).toEqual([expected]);
      const transaction = downstream.open();
      const replies = [await transaction.mail(from('s@x.test'))];
      if (where !== 'MAIL') replies.push(await transaction.rcpt(from('a@x.test')));
      if (where === 'DATA' || where === 'final') replies.push(...(await transaction.data(message)));
      await transaction.abort();
      expect(said(replies).at(-1)).toBe(expected);
    }
  });

  it('does not answer in time, at the dot or anywhere', async () => {
    for (const where of ['MAIL', 'RCPT', 'DATA', 'final']) {
      const { peer, downstream } = await start(
        serving({
          answer: async (line, session) => {
            if (line.startsWith(where)) await session.closed();
            return undefined;
          },
          final: (session) => (where === 'final' ? [] : (session.say('250 2.0.0 taken'), [])),
        }),
        { timeouts: { commandMs: 100, finalReplyMs: 100 } },
      );
      expect(said(await downstream.send(requestTo('a@x.test')))).toEqual([SLOW]);
      expect(peer.connections).toBe(1);
    }
  });

  it('stops reading the message', async () => {
    const { downstream } = await start(
      serving({
        answer: (line, session) => {
          if (line === 'DATA') setImmediate(() => session.socket.pause());
          return undefined;
        },
      }),
      { timeouts: { dataMs: 200 } },
    );
    const large = spoolOf(Buffer.from(`${'x'.repeat(70)}\r\n`.repeat(400_000)));
    expect(said(await downstream.send({ ...requestTo('a@x.test'), message: large }))).toEqual([SLOW]);
  });

  it('gives up in the middle of the message, and its words are the outcome', async () => {
    const { downstream } = await start(async (session) => {
      session.say('220 hi');
      for (;;) {
        const line = await session.line();
        session.say(line === 'DATA' ? '354 go on' : '250 fine');
        if (line === 'DATA') break;
      }
      session.say('552 5.3.4 too big');
      await session.closed();
    });
    const large = spoolOf(Buffer.from(`${'x'.repeat(70)}\r\n`.repeat(400_000)));
    expect(said(await downstream.send({ ...requestTo('a@x.test'), message: large }))).toEqual([
      '552 5.3.4 too big',
    ]);
  });

  it('says yes before it has the message', async () => {
    const { downstream } = await start(
      serving({ answer: (line) => (line === 'DATA' ? '354 go on\r\n250 2.0.0 taken' : undefined) }),
    );
    const transaction = downstream.open();
    await transaction.mail(from('s@x.test'));
    await transaction.rcpt(from('a@x.test'));
    expect(said(await transaction.data(message))).toEqual([
      'local 451 4.5.0 downstream store answered nonsense: 250 unasked',
    ]);
  });

  it('answers once more than it was asked', async () => {
    const { downstream } = await start(
      serving({ answer: (line) => (line.startsWith('MAIL') ? '250 one\r\n250 two' : undefined) }),
    );
    const transaction = downstream.open();
    expect(said([await transaction.mail(from('s@x.test'))])).toEqual(['250 one']);
    expect(said([await transaction.rcpt(from('a@x.test'))])).toEqual([
      'local 451 4.5.0 downstream store answered nonsense: 250 unasked',
    ]);
    await transaction.abort();
  });

  it('says 421 and closes: what it left out is that 421', async () => {
    const { downstream } = await start(
      serving({
        extensions: ['PIPELINING'],
        answer: async (line, session) => {
          if (!line.includes('b@')) return undefined;
          session.say('421 4.3.2 closing');
          session.socket.end();
          await session.closed();
          return undefined;
        },
      }),
    );
    const replies = await downstream.send(requestTo('a@x.test', 'b@x.test', 'c@x.test'));
    expect(said(replies)).toEqual(['421 4.3.2 closing', '421 4.3.2 closing', '421 4.3.2 closing']);
  });

  it('sends its replies an octet at a time', async () => {
    const { downstream } = await start(
      serving({
        answer: async (line, session) => {
          if (!line.startsWith('RCPT')) return undefined;
          for (const octet of '250-2.1.5 slowly\r\n250 2.1.5 bu') {
            session.raw(octet);
            await new Promise(setImmediate);
          }
          return 't surely';
        },
      }),
    );
    const transaction = downstream.open();
    await transaction.mail(from('s@x.test'));
    expect(said([await transaction.rcpt(from('a@x.test'))])).toEqual(['250 2.1.5 slowly but surely']);
    await transaction.abort();
  });
});
