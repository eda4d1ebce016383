import { afterEach, describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import { closeListeners, openListener, type TestClient } from './server-testing.ts';

afterEach(closeListeners);

const refusal = (code: number, enhanced: string) => ({ reply: reply(code, enhanced, 'no') });

describe('a session', () => {
  it('tells the handler every stage, in order', async () => {
    const { connect, handlers } = await openListener();
    const client = await connect();
    const { localPort } = client.socket;
    expect(await client.reply()).toBe('220 test.example ESMTP');
    await client.ask('EHLO client.example');
    expect(await client.ask('MAIL FROM:<a@example.com> SIZE=100 BODY=8BITMIME')).toBe('250 2.0.0 OK');
    expect(await client.ask('RCPT TO:<b@example.com>')).toBe('250 2.0.0 OK');
    expect(await client.ask('DATA')).toMatch(/^354 /);
    client.send('Subject: x\r\n\r\n..dot\r\n.\r\n');
    expect(await client.reply()).toBe('250 2.0.0 OK');
    expect(await client.ask('RSET')).toBe('250 2.0.0 OK');
    expect(await client.ask('QUIT')).toMatch(/^221 2\.0\.0 /);
    expect(await client.rest()).toEqual([]);
    const [handler] = handlers;
    client.socket.end();
    expect(await handler!.closed).toBe('closed after 221');
    expect(handler!.calls).toEqual([
      'connect',
      'helo EHLO client.example',
      'mail a@example.com',
      'rcpt b@example.com',
      'data',
      'message 20',
      'reset',
      'close',
    ]);
    expect(handler!.messages[0]!.toString()).toBe('Subject: x\r\n\r\n.dot\r\n');
    expect(handler!.client).toMatchObject({ address: '127.0.0.1', port: localPort });
  });

  it('offers what it can, and no AUTH or STARTTLS without TLS', async () => {
    const { connect } = await openListener({ authenticator: async () => true });
    const client = await connect();
    expect((await client.greet()).split('\n')).toEqual([
      '250-test.example',
      '250-PIPELINING',
      '250-SIZE 1000000',
      '250-8BITMIME',
      '250-CHUNKING',
      '250-BINARYMIME',
      '250-SMTPUTF8',
      '250 ENHANCEDSTATUSCODES',
    ]);
    expect(await client.ask('HELO client.example')).toBe('250 test.example');
    expect(await client.ask('STARTTLS')).toMatch(/^502 5\.5\.1 /);
    expect(await client.ask('AUTH PLAIN AGEAYg==')).toMatch(/^503 5\.5\.1 /);
  });

  it('takes commands in any case, with white space at their end', async () => {
    const { connect } = await openListener();
    const client = await connect();
    await client.greet('eHlO client.example  ');
    expect(await client.ask('mail from:<a@example.com> \t')).toMatch(/^250 /);
  });

  it('answers all that a client sent before it closed its side', async () => {
    const { connect, handlers } = await openListener();
    const client = await connect();
    client.socket.end(
      'EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\nNOOP\r\n',
    );
    const codes = (await client.rest()).filter((line) => line[3] === ' ').map((line) => line.slice(0, 3));
    expect(codes).toEqual(['220', '250', '250', '250', '354', '250', '221']);
    await handlers[0]!.closed;
    expect(handlers[0]!.messages).toHaveLength(1);
  });

  it('answers a thousand pipelined commands, each once and in order', async () => {
    const { connect } = await openListener(
      {},
      {
        answer: async (method, argument) =>
          method === 'rcpt' ? { reply: reply(250, '2.1.5', argument) } : undefined,
      },
    );
    const client = await connect();
    await client.greet();
    await client.ask('MAIL FROM:<a@example.com>');
    const recipients = Array.from({ length: 1000 }, (_, i) => `r${i}@example.com`);
    client.send(recipients.map((address) => `RCPT TO:<${address}>\r\n`).join(''));
    const replies: string[] = [];
    for (const _ of recipients) replies.push(await client.reply());
    expect(replies).toEqual(recipients.map((address) => `250 2.1.5 ${address}`));
  });

  it('does not keep earlier replies from the client while a handler works', async () => {
    let go = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { connect } = await openListener(
      {},
      {
        answer: async (method) => {
          if (method === 'rcpt') await waiting;
          return undefined;
        },
      },
    );
    const client = await connect();
    await client.greet();
    client.send('MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n');
    expect(await client.reply()).toMatch(/^250 /);
    go();
    expect(await client.reply()).toMatch(/^250 /);
  });
});

describe('the order of commands', () => {
  it.each<[string, string[], RegExp]>([
    ['MAIL before HELO', ['MAIL FROM:<a@example.com>'], /^503 5\.5\.1 /],
    ['RCPT before HELO', ['RCPT TO:<a@example.com>'], /^503 5\.5\.1 /],
    ['AUTH before HELO', ['AUTH PLAIN'], /^503 5\.5\.1 /],
    ['RCPT before MAIL', ['EHLO c', 'RCPT TO:<a@example.com>'], /^503 5\.5\.1 /],
    ['DATA before MAIL', ['EHLO c', 'DATA'], /^503 5\.5\.1 /],
    ['DATA before RCPT', ['EHLO c', 'MAIL FROM:<a@example.com>', 'DATA'], /^503 5\.5\.1 /],
    ['nested MAIL', ['EHLO c', 'MAIL FROM:<>', 'MAIL FROM:<a@example.com>'], /^503 5\.5\.1 /],
    ['RCPT after RSET', ['EHLO c', 'MAIL FROM:<>', 'RSET', 'RCPT TO:<a@example.com>'], /^503 /],
    ['RCPT after a second EHLO', ['EHLO c', 'MAIL FROM:<>', 'EHLO c', 'RCPT TO:<a@example.com>'], /^503 /],
    ['LHLO over SMTP', ['LHLO c'], /^500 5\.5\.1 /],
    ['EHLO without a name', ['EHLO'], /^501 /],
    ['EHLO with two names', ['EHLO a b'], /^501 /],
    ['EHLO with a long name', [`EHLO ${'a'.repeat(256)}`], /^501 /],
    ['EHLO with a name outside ASCII', ['EHLO \xc3\xa9'], /^501 /],
    ['VRFY', ['VRFY ann'], /^252 2\.\d\.\d /],
    ['EXPN', ['EXPN staff'], /^502 5\.5\.1 /],
    ['HELP', ['HELP'], /^214 /],
    ['NOOP', ['NOOP whatever'], /^250 2\.0\.0 /],
    ['RSET with an argument', ['RSET now'], /^501 5\.5\.4 /],
    ['an empty line', [''], /^500 5\.5\.2 /],
    ['an unknown command', ['FROBNICATE'], /^500 5\.5\.2 /],
    ['WIZ', ['WIZ x'], /^500 5\.5\.2 /],
    ['XCLIENT', ['EHLO c', 'XCLIENT ADDR=192.0.2.1'], /^500 5\.5\.2 /],
    ['XFORWARD', ['EHLO c', 'XFORWARD ADDR=192.0.2.1'], /^500 5\.5\.2 /],
    ['a command that is not UTF-8', ['NOOP \xff'], /^500 5\.5\.2 /],
  ])('%s', async (_name, commands, expected) => {
    const { connect } = await openListener();
    const client = await connect();
    await client.reply();
    let last = '';
    for (const command of commands) {
      client.send(Buffer.from(`${command}\r\n`, 'latin1'));
      last = await client.reply();
    }
    expect(last).toMatch(expected);
    expect(await client.ask('NOOP')).toMatch(/^250 /);
  });

  it('leaves the state as it was when the handler refuses', async () => {
    const no = new Set(['mail', 'rcpt', 'data', 'helo']);
    const { connect, handlers } = await openListener(
      {},
      {
        answer: (method) => (no.delete(method) ? refusal(450, '4.7.1') : undefined),
      },
    );
    const client = await connect();
    expect(await client.greet()).toMatch(/^450 4\.7\.1 no/);
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^503 /);
    await client.ask('EHLO c');
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^450 /);
    expect(await client.ask('RCPT TO:<a@example.com>')).toMatch(/^503 /);
    expect(await client.ask('MAIL FROM:<>')).toMatch(/^250 /);
    expect(await client.ask('RCPT TO:<a@example.com>')).toMatch(/^450 /);
    expect(await client.ask('DATA')).toMatch(/^554 5\.5\.1 /);
    expect(await client.ask('RCPT TO:<a@example.com>')).toMatch(/^250 /);
    expect(await client.ask('DATA')).toMatch(/^450 /);
    expect(await client.ask('DATA')).toMatch(/^354 /);
    client.send('.\r\n');
    expect(await client.reply()).toMatch(/^250 /);
    expect(handlers[0]!.messages).toEqual([Buffer.alloc(0)]);
  });
});

describe('parameters', () => {
  it.each([
    ['SIZE=1000001', /^552 5\.3\.4 /],
    ['SIZE=1000000', /^250 /],
    ['SIZE=99999999999999999999', /^552 5\.3\.4 /],
    ['SIZE', /^501 5\.5\.4 /],
    ['SIZE=-1', /^501 5\.5\.4 /],
    ['BODY=7bit', /^250 /],
    ['BODY=BINARY', /^501 5\.5\.4 /],
    ['SMTPUTF8', /^250 /],
    ['SMTPUTF8=1', /^501 5\.5\.4 /],
    ['RET=HDRS', /^555 5\.5\.4 /],
    ['AUTH=<>', /^555 5\.5\.4 /],
    ['FOO', /^555 5\.5\.4 /],
  ])('of MAIL: %s', async (params, expected) => {
    const { connect } = await openListener();
    const client = await connect();
    await client.greet();
    expect(await client.ask(`MAIL FROM:<a@example.com> ${params}`)).toMatch(expected);
  });

  it('of RCPT are not supported, and addresses are checked', async () => {
    const { connect, handlers } = await openListener();
    const client = await connect();
    await client.greet();
    expect(await client.ask('MAIL FROM:<a b@example.com>')).toMatch(/^501 5\.1\.7 /);
    expect(await client.ask('MAIL FROM: <a@example.com>')).toMatch(/^501 5\.5\.4 /);
    expect(await client.ask('MAIL FROM:<ä@example.com>')).toMatch(/^553 5\.6\.7 /);
    expect(await client.ask('MAIL FROM:<ä@example.com> SMTPUTF8')).toMatch(/^250 /);
    expect(await client.ask('RCPT TO:<b@example.com> NOTIFY=NEVER')).toMatch(/^555 5\.5\.4 /);
    expect(await client.ask('RCPT TO:<>')).toMatch(/^501 5\.1\.3 /);
    expect(await client.ask('RCPT TO:<ü@example.com>')).toMatch(/^250 /);
    expect(await client.ask('RCPT TO:<postmaster>')).toMatch(/^250 /);
    expect(handlers[0]!.calls.slice(2)).toEqual([
      'mail ä@example.com',
      'rcpt ü@example.com',
      'rcpt postmaster',
    ]);
  });
});

describe('the greeting', () => {
  it('waits for no one unless told to, and what came before it is answered after it', async () => {
    const { connect } = await openListener();
    const client = await connect();
    client.send('EHLO c\r\nQUIT\r\n');
    const lines = await client.rest();
    expect(lines[0]).toMatch(/^220 /);
    expect(lines.at(-1)).toMatch(/^221 /);
  });

  it('is not given to a client that speaks during the delay', async () => {
    const { connect, handlers } = await openListener({ greetingDelayMs: 2000 });
    const client = await connect();
    client.send('EHLO c\r\n');
    expect(await client.rest()).toEqual([expect.stringMatching(/^421 4\.7\.0 /)]);
    client.socket.end();
    await handlers[0]!.closed;
    expect(handlers[0]!.calls).toEqual(['close']);
  });

  it('is given after the delay', async () => {
    const { connect } = await openListener({ greetingDelayMs: 50 });
    const client = await connect();
    expect(await client.greet()).toMatch(/^250-/);
    const gone = await connect();
    gone.socket.end();
    expect(await gone.rest()).toEqual([expect.stringMatching(/^220 /)]);
  });
});

describe('closing the listener', () => {
  const finish = async (client: TestClient): Promise<string> => {
    client.send('x\r\n.\r\n');
    return await client.reply();
  };

  it('tells idle sessions, lets transactions end, and takes no more', async () => {
    const { connect, handlers, listener } = await openListener();
    const idle = await connect();
    await idle.greet();
    const busy = await connect();
    await busy.greet();
    await busy.begin();
    const closed = listener.close(10_000);
    expect(await idle.rest()).toEqual([expect.stringMatching(/^421 4\.3\.2 /)]);
    await expect(connect()).rejects.toThrow('ECONNREFUSED');
    expect(listener.sessions).toBeGreaterThan(0);
    expect(await finish(busy)).toMatch(/^250 /);
    expect(await busy.rest()).toEqual([expect.stringMatching(/^421 4\.3\.2 /)]);
    for (const client of [idle, busy]) client.socket.end();
    await closed;
    expect(listener.sessions).toBe(0);
    expect(handlers[1]!.messages).toHaveLength(1);
    expect(handlers.map((handler) => handler.calls.at(-1))).toEqual(['close', 'close']);
  });

  it('cuts off what is still there at the deadline', async () => {
    const { connect, handlers, listener } = await openListener();
    const client = await connect();
    await client.greet();
    await client.begin();
    await listener.close(50);
    expect(await client.rest()).toEqual([]);
    expect(await handlers[0]!.closed).toBe('shutdown');
    expect(handlers[0]!.calls.slice(-2)).toEqual(['reset', 'close']);
  });
});

it('says why it cannot listen', async () => {
  const { listener } = await openListener();
  expect(listener.address).toBe('127.0.0.1');
  await expect(openListener({ port: listener.port })).rejects.toMatchObject({
    code: 'listen_failed',
    message: `Cannot listen on 127.0.0.1 port ${listener.port}`,
  });
});
