import { afterEach, describe, expect, it } from 'vitest';
import { spoolOf } from '../base/spool.ts';
import { serving, type Script } from './client-testing.ts';
import {
  closers,
  endAll,
  from,
  LOST,
  message,
  requestTo,
  said,
  SLOW,
  start,
} from './client-setup-testing.ts';

afterEach(endAll);

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
