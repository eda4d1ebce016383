import { createTransport } from 'nodemailer';
import { afterEach, describe, expect, it } from 'vitest';
import { closeListeners, openListener } from './server-testing.ts';
import { selfSigned } from './tls.ts';

afterEach(closeListeners);

/** The same numbers in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) % below;
  };
}

const PARTS = [
  'EHLO c\r\n',
  'HELO c\r\n',
  'LHLO c\r\n',
  'MAIL FROM:<a@example.com>\r\n',
  'MAIL FROM:<a@example.com> SIZE=99 BODY=8BITMIME SMTPUTF8\r\n',
  'RCPT TO:<b@example.com>\r\n',
  'RCPT TO:<"\\',
  'DATA\r\n',
  'STARTTLS\r\n',
  'AUTH LOGIN\r\n',
  'AUTH PLAIN AAAA\r\n',
  'RSET\r\n',
  'NOOP\r\n',
  'VRFY x\r\n',
  '\r\n.\r\n',
  '.\r\n',
  '.',
  '\r',
  '\n',
  '\0',
  'x'.repeat(3000),
  '\r\n',
  '\xff\xfe\x80',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
];

describe('whatever a client sends', () => {
  it.each(['smtp', 'submission', 'lmtp'] as const)('over %s, the session ends in order', async (protocol) => {
    const { connect, handlers, listener, log } = await openListener({
      protocol,
      tls: await selfSigned('test.example'),
      authenticator: async () => false,
      limits: { errors: 50, sessions: 1000, sessionsPerAddress: 1000 },
    });
    const random = generator(protocol.length);
    for (let round = 0; round < 100; round++) {
      const client = await connect();
      const count = 1 + random(30);
      for (let i = 0; i < count; i++) {
        const part = Buffer.from(PARTS[random(PARTS.length)]!, 'latin1');
        const split = random(part.length + 1);
        client.send(part.subarray(0, split));
        if (random(3) === 0) await new Promise(setImmediate);
        client.send(part.subarray(split));
      }
      const ending = random(3);
      if (ending === 0) client.socket.resetAndDestroy();
      else if (ending === 1) client.socket.end('QUIT\r\n');
      else client.socket.destroy();
    }
    await expect.poll(() => listener.sessions, { timeout: 20_000 }).toBe(0);
    for (const handler of handlers) {
      await handler.closed;
      const { calls } = handler;
      expect(calls.filter((call) => call === 'close')).toHaveLength(1);
      expect(calls.at(-1)).toBe('close');
      // Every transaction ended with a message or a reset before the next one, or before the end.
      const steps = calls.map((call) => call.split(' ')[0]!);
      const order = steps.filter((step) => ['mail', 'message', 'reset', 'close'].includes(step)).join(' ');
      expect(order).not.toMatch(/mail (?:mail|close)/);
    }
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
    expect(await (await connect()).reply()).toMatch(/^220 /);
  });
});

describe('a client of another make', () => {
  const mail = {
    from: 'a@example.com',
    to: ['b@example.com', 'c@example.com'],
    subject: 'x',
    text: 'first\n.second\n..third\n',
  };

  it('submits over STARTTLS with AUTH', async () => {
    const { handlers, listener } = await openListener({
      protocol: 'submission',
      tls: await selfSigned('test.example'),
      authenticator: async ({ user, password }) => user === 'ann' && password === 'pass',
    });
    const options = {
      host: '127.0.0.1',
      port: listener.port,
      requireTLS: true,
      tls: { rejectUnauthorized: false },
    };
    for (const authMethod of ['PLAIN', 'LOGIN']) {
      const transport = createTransport({ ...options, authMethod, auth: { user: 'ann', pass: 'pass' } });
      const sent = await transport.sendMail(mail);
      expect(sent.accepted).toEqual(['b@example.com', 'c@example.com']);
    }
    const wrong = createTransport({ ...options, auth: { user: 'ann', pass: 'no' } });
    await expect(wrong.sendMail(mail)).rejects.toMatchObject({ responseCode: 535 });
    expect(handlers[0]!.calls).toContain('auth PLAIN ann');
    expect(handlers[1]!.calls).toContain('auth LOGIN ann');
    expect(handlers[0]!.messages[0]!.toString()).toContain('\r\n\r\nfirst\r\n.second\r\n..third\r\n');
  });

  it('delivers over LMTP', async () => {
    const { handlers, listener } = await openListener(
      { protocol: 'lmtp' },
      {
        message: (_octets, recipients) =>
          recipients.map(() => ({ reply: { code: 250, enhanced: '2.1.5', lines: ['stored'] } })),
      },
    );
    const transport = createTransport({
      host: '127.0.0.1',
      port: listener.port,
      lmtp: true,
      ignoreTLS: true,
    });
    const sent = await transport.sendMail(mail);
    expect(sent.accepted).toEqual(['b@example.com', 'c@example.com']);
    expect(handlers[0]!.messages).toHaveLength(1);
  });
});
