import { afterEach, describe, expect, it } from 'vitest';
import { spoolOf } from '../base/spool.ts';
import { serving } from './client-testing.ts';
import { endAll, from, message, requestTo, said, start, to, WIRE } from './client-setup-testing.ts';

afterEach(endAll);

describe('a transaction step by step', () => {
  it("gives the downstream's own replies", async () => {
    const { peer, downstream } = await start(
      serving({
        extensions: ['PIPELINING', 'SIZE 1000'],
        answer: (line) => (line.includes('no@') ? '550-5.1.1 no such\r\n550 5.1.1 user' : undefined),
      }),
    );
    const transaction = downstream.open();
    expect(await transaction.mail({ address: 's@x.test', params: { SIZE: '25', RET: 'HDRS' } })).toEqual({
      code: 250,
      enhanced: '2.0.0',
      lines: ['fine'],
    });
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
    expect((await downstream.extensions()).get('SIZE')).toBe('1000');
    expect(peer.lines.filter((line) => line.startsWith('EHLO'))).toHaveLength(1);
  });

  it('is asked once what it offers by all who want to know, on a connection that is then used', async () => {
    const { peer, downstream } = await start(serving({ extensions: ['8BITMIME', 'SIZE 1000'] }));
    const asked = await Promise.all([downstream.extensions(), downstream.extensions()]);
    const offered = new Map([
      ['8BITMIME', ''],
      ['SIZE', '1000'],
    ]);
    expect(asked).toEqual([offered, offered]);
    expect(said(await downstream.send(requestTo('a@x.test')))).toEqual(['250 2.0.0 taken']);
    expect(peer.lines.filter((line) => line.startsWith('EHLO'))).toHaveLength(1);
  });

  it('offers nothing where it cannot be reached', async () => {
    const { peer, downstream } = await start(serving());
    await peer.close();
    expect((await downstream.extensions()).size).toBe(0);
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
    expect((await downstream.extensions()).size).toBe(0);
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
