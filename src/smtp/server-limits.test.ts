import { afterEach, describe, expect, it } from 'vitest';
import { closeListeners, OK, openListener } from './server-testing.ts';

afterEach(closeListeners);

describe('limits', () => {
  it('of errors end the session', async () => {
    const { connect, handlers } = await openListener({ limits: { errors: 3 } });
    const client = await connect();
    await client.greet();
    expect(await client.ask('NONSENSE')).toMatch(/^500 /);
    expect(await client.ask('MAIL FROM:nobody')).toMatch(/^501 /);
    expect(await client.ask(`NOOP ${'x'.repeat(2048)}`)).toMatch(/^421 4\.7\.0 /);
    expect(await client.rest()).toEqual([]);
    client.socket.end();
    expect(await handlers[0]!.closed).toBe('closed after 421');
  });

  it('of errors start again with an accepted message', async () => {
    const { connect } = await openListener({ limits: { errors: 2 } });
    const client = await connect();
    await client.greet();
    for (let i = 0; i < 4; i++) {
      expect(await client.ask('NONSENSE')).toMatch(/^500 /);
      await client.begin();
      client.send('x\r\n.\r\n');
      expect(await client.reply()).toMatch(/^250 /);
    }
  });

  it('of a command line drop the rest of it', async () => {
    const { connect } = await openListener();
    const client = await connect();
    await client.greet();
    expect(await client.ask(`NOOP ${'x'.repeat(2041)}`)).toMatch(/^250 /);
    expect(await client.ask(`NOOP ${'x'.repeat(100_000)}`)).toMatch(/^500 5\.5\.6 /);
    expect(await client.ask('NOOP')).toMatch(/^250 /);
  });

  it('of recipients', async () => {
    const { connect } = await openListener({ limits: { recipients: 2 } });
    const client = await connect();
    await client.greet();
    await client.ask('MAIL FROM:<>');
    expect(await client.ask('RCPT TO:<a@example.com>')).toMatch(/^250 /);
    expect(await client.ask('RCPT TO:<b@example.com>')).toMatch(/^250 /);
    expect(await client.ask('RCPT TO:<c@example.com>')).toMatch(/^452 4\.5\.3 /);
    expect(await client.ask('DATA')).toMatch(/^354 /);
  });

  it('of sessions, and of sessions from one address', async () => {
    for (const [limits, expected] of [
      [{ sessions: 1 }, /^421 4\.3\.2 /],
      [{ sessionsPerAddress: 1 }, /^421 4\.7\.0 /],
    ] as const) {
      const { connect, handlers, listener } = await openListener({ limits });
      const first = await connect();
      await first.greet();
      const second = await connect();
      expect(await second.reply()).toMatch(expected);
      expect(await second.rest()).toEqual([]);
      second.socket.destroy();
      expect(handlers).toHaveLength(1);
      first.socket.end('QUIT\r\n');
      await first.rest();
      await handlers[0]!.closed;
      await expect.poll(() => listener.sessions).toBe(0);
      const third = await connect();
      expect(await third.reply()).toMatch(/^220 /);
    }
  });

  it('of the time without a command, trickled octets or not', async () => {
    const { connect, handlers } = await openListener({ limits: { idleSeconds: 0.3 } });
    const idle = await connect();
    await idle.greet();
    const trickling = await connect();
    await trickling.greet();
    const trickle = setInterval(() => trickling.send('N'), 50);
    try {
      expect(await idle.reply()).toMatch(/^421 4\.4\.2 /);
      expect(await trickling.reply()).toMatch(/^421 4\.4\.2 /);
      await idle.rest();
      await trickling.rest();
    } finally {
      clearInterval(trickle);
    }
    for (const client of [idle, trickling]) client.socket.destroy();
    expect(await handlers[0]!.closed).toBe('idle timeout');
    expect(await handlers[1]!.closed).toBe('idle timeout');
  });

  it.each([
    { what: 'NOOP', begin: ['MAIL FROM:<a@example.com>'], trickled: 'NOOP\r\n' },
    {
      what: 'trickled data',
      begin: ['MAIL FROM:<a@example.com>', 'RCPT TO:<b@example.com>', 'DATA'],
      trickled: 'x',
    },
  ])('of the time of a transaction, whatever progress there is: $what', async ({ begin, trickled }) => {
    const { connect, handlers } = await openListener({ limits: { transactionSeconds: 0.3 } });
    const client = await connect();
    await client.greet();
    for (const command of begin) await client.ask(command);
    const trickle = setInterval(() => client.send(trickled), 20);
    try {
      const replies = await client.rest();
      expect(replies.at(-1)).toMatch(/^421 4\.4\.2 /);
      expect(replies.filter((reply) => !reply.startsWith('250'))).toHaveLength(1);
    } finally {
      clearInterval(trickle);
    }
    client.socket.destroy();
    expect(await handlers[0]!.closed).toBe('transaction took too long');
    expect(handlers[0]!.messages).toEqual([]);
  });

  it('of the time of a transaction let a command end first, and count neither RSET nor what comes after the data', async () => {
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    const { connect } = await openListener(
      { limits: { transactionSeconds: 1 } },
      {
        answer: async (method, argument) => {
          if (method === 'rcpt' && argument.startsWith('slow')) await pause(1500);
          return undefined;
        },
        message: async () => {
          await pause(1500);
          return [OK];
        },
      },
    );
    const client = await connect();
    await client.greet();
    for (let i = 0; i < 5; i++) {
      await client.ask('MAIL FROM:<a@example.com>');
      await pause(250);
      expect(await client.ask('RSET')).toMatch(/^250 /);
    }
    await client.begin();
    expect(await client.ask('x\r\n.')).toMatch(/^250 /);
    await client.ask('MAIL FROM:<a@example.com>');
    expect(await client.ask('RCPT TO:<slow@example.com>')).toMatch(/^250 /);
    expect(await client.reply()).toMatch(/^421 4\.4\.2 /);
  });

  it('of time do not count while the handler works or a message flows', async () => {
    const { connect } = await openListener(
      { limits: { idleSeconds: 0.3 } },
      {
        answer: async (method) => {
          if (method === 'mail') await new Promise((resolve) => setTimeout(resolve, 900));
          return undefined;
        },
      },
    );
    const client = await connect();
    await client.greet();
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^250 /);
    await client.ask('RCPT TO:<a@example.com>');
    await client.ask('DATA');
    for (let i = 0; i < 12; i++) {
      client.send('x');
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    client.send('\r\n.\r\n');
    expect(await client.reply()).toMatch(/^250 /);
  });
});
