import { once } from 'node:events';
import { X509Certificate } from 'node:crypto';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import type { ListenerOptions } from './listener-options.ts';
import { closeListeners, openListener, type TestClient } from './server-testing.ts';
import { secureContext, selfSigned, type TlsIdentity } from './tls.ts';

let identity: TlsIdentity;
let options: Partial<ListenerOptions>;

beforeAll(async () => {
  identity = await selfSigned('test.example');
  options = {
    protocol: 'submission',
    tls: identity,
    authenticator: async ({ user, password }) => user === 'ann' && password === 'pass',
  };
});

afterEach(closeListeners);

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const GOOD = `AUTH PLAIN ${base64('\0ann\0pass')}`;

async function secured(connect: () => Promise<TestClient>): Promise<TestClient> {
  const client = await connect();
  await client.greet();
  expect(await client.startTls()).toMatch(/^220 /);
  return client;
}

describe('keys and certificates', () => {
  it('are made for a name or an address', async () => {
    const named = new X509Certificate(identity.cert);
    expect(named.checkHost('test.example')).toBe('test.example');
    const numbered = new X509Certificate((await selfSigned('127.0.0.1')).cert);
    expect(numbered.checkIP('127.0.0.1')).toBe('127.0.0.1');
  });

  it('must belong together and be readable', async () => {
    const other = await selfSigned('other.example');
    for (const bad of [
      { key: other.key, cert: identity.cert },
      { key: 'no PEM', cert: identity.cert },
      { key: identity.key, cert: '' },
    ]) {
      expect(() => secureContext(bad)).toThrow(expect.objectContaining({ code: 'tls_invalid' }));
    }
    await expect(openListener({ tls: { key: other.key, cert: identity.cert } })).rejects.toMatchObject({
      code: 'tls_invalid',
    });
  });
});

describe('STARTTLS', () => {
  it('encrypts, tells the handler, and makes the client a stranger again', async () => {
    const { connect, handlers } = await openListener({ tls: secureContext(identity) });
    const client = await connect();
    expect(await client.greet()).toContain('STARTTLS');
    await client.ask('MAIL FROM:<a@example.com>');
    expect(await client.startTls()).toMatch(/^220 /);
    expect(await client.ask('RCPT TO:<b@example.com>')).toMatch(/^503 /);
    expect(await client.ask('MAIL FROM:<a@example.com>')).toMatch(/^503 /);
    expect(await client.ask('EHLO again.example')).not.toContain('STARTTLS');
    expect(await client.ask('STARTTLS')).toMatch(/^503 5\.5\.1 /);
    await client.begin();
    client.send(`${'x'.repeat(70)}\r\n`.repeat(20_000).slice(0, 900_000));
    client.send('\r\n.\r\n');
    expect(await client.reply()).toMatch(/^250 /);
    client.send('QUIT\r\n');
    expect(await client.rest()).toEqual([expect.stringMatching(/^221 /)]);
    client.socket.end();
    const [handler] = handlers;
    await handler!.closed;
    expect(handler!.calls.slice(2, 6)).toEqual([
      'mail a@example.com',
      'reset',
      'starttls TLSv1.3',
      'helo EHLO again.example',
    ]);
    expect(handler!.tls).toEqual([
      { version: 'TLSv1.3', cipher: expect.stringMatching(/^TLS_/), servername: 'test.example' },
    ]);
    expect(handler!.messages[0]!.length).toBeGreaterThan(900_000);
  });

  it('with plain text behind it is refused, and that text never heard', async () => {
    for (const text of ['STARTTLS\r\nEHLO evil\r\n', 'STARTTLS\r\nEHLO ev', 'STARTTLS\r\n\r']) {
      const { connect, handlers } = await openListener(options);
      const client = await connect();
      await client.greet();
      client.send(text);
      expect(await client.rest()).toEqual([expect.stringMatching(/^554 5\.5\.1 /)]);
      client.socket.end();
      await handlers[0]!.closed;
      expect(handlers[0]!.calls).toEqual(['connect', 'helo EHLO client.example', 'close']);
    }
  });

  it('never takes plain text that came after 220 for what was said inside', async () => {
    const { connect, handlers, log } = await openListener(options);
    const client = await connect();
    await client.greet();
    await client.ask('STARTTLS');
    client.send('EHLO evil\r\nNOOP\r\n');
    expect((await client.rest()).join('')).not.toContain('250');
    client.socket.destroy();
    expect(await handlers[0]!.closed).toContain('TLS');
    expect(handlers[0]!.calls).toEqual(['connect', 'helo EHLO client.example', 'close']);
    expect(log).toContainEqual({
      level: 'warn',
      message: 'TLS handshake failed',
      fields: expect.objectContaining({ listener: 'test', client: '127.0.0.1', cause: expect.any(String) }),
    });
    expect(log.filter(({ message }) => message === 'TLS handshake failed')).toHaveLength(1);
  });

  it('ends the session at plain text between what is said inside', async () => {
    const { connect, handlers } = await openListener({ tls: secureContext(identity) });
    const client = await connect();
    await client.greet();
    const plain = client.socket;
    expect(await client.startTls()).toMatch(/^220 /);
    expect(await client.ask('EHLO again.example')).toMatch(/^250-/);
    plain.write('MAIL FROM:<evil@example.com>\r\n');
    expect((await client.rest()).join('')).not.toContain('250');
    client.socket.destroy();
    await handlers[0]!.closed;
    expect(handlers[0]!.calls.slice(-2)).toEqual(['helo EHLO again.example', 'close']);
  });

  it('survives clients that leave or reset in the handshake', async () => {
    const { connect, handlers, listener } = await openListener(options);
    for (const first of [Buffer.alloc(0), Buffer.from([0x16, 0x03, 0x01])]) {
      for (const leave of ['end', 'resetAndDestroy'] as const) {
        const client = await connect();
        await client.greet();
        await client.ask('STARTTLS');
        client.send(first);
        client.socket[leave]();
      }
    }
    await Promise.all(handlers.map((handler) => handler.closed));
    await expect.poll(() => listener.sessions).toBe(0);
    expect(await (await connect()).greet()).toMatch(/^250-/);
  });

  it('does not wait for ever for a client that stalls in the handshake', async () => {
    const { connect, handlers } = await openListener({ ...options, limits: { idleSeconds: 0.3 } });
    const client = await connect();
    await client.greet();
    await client.ask('STARTTLS');
    client.send(Buffer.from([0x16, 0x03, 0x01]));
    expect(await client.rest()).toEqual([]);
    expect(await handlers[0]!.closed).toBe('TLS handshake timed out');
  });

  it('refuses what is older than TLS 1.2', async () => {
    const { connect, log } = await openListener(options);
    const client = await connect();
    await client.greet();
    await client.ask('STARTTLS');
    client.socket.removeAllListeners('data');
    const old = connectTls({
      socket: client.socket,
      rejectUnauthorized: false,
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT:@SECLEVEL=0',
    });
    await expect(once(old, 'secureConnect')).rejects.toThrow(/alert|protocol/i);
    await expect.poll(() => log.some(({ message }) => message === 'TLS handshake failed')).toBe(true);
  });

  it('may be refused by the handler after the handshake', async () => {
    const { connect, handlers } = await openListener(options, {
      answer: (method) => (method === 'starttls' ? { reply: reply(554, '5.7.1', 'no') } : undefined),
    });
    const client = await secured(connect);
    client.send('EHLO c\r\n');
    expect(await client.rest()).toEqual(['554 5.7.1 no']);
    client.socket.destroy();
    await handlers[0]!.closed;
    expect(handlers[0]!.calls.slice(-2)).toEqual(['starttls TLSv1.3', 'close']);
  });

  it('is listed by no client that has it, and takes no argument', async () => {
    const { connect } = await openListener(options);
    const client = await connect();
    await client.greet();
    expect(await client.ask('STARTTLS now')).toMatch(/^501 5\.5\.4 /);
  });

  it('answers commands that were pipelined inside TLS when the client closes its side', async () => {
    const { connect, handlers } = await openListener(options);
    const client = await secured(connect);
    client.socket.end(
      `EHLO c\r\n${GOOD}\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n`,
    );
    const codes = (await client.rest()).filter((line) => line[3] === ' ').map((line) => line.slice(0, 3));
    expect(codes).toEqual(['250', '235', '250', '250', '354', '250', '221']);
    await handlers[0]!.closed;
  });
});

describe('AUTH', () => {
  it('is neither offered nor taken before TLS', async () => {
    const { connect, handlers } = await openListener(options);
    const client = await connect();
    expect(await client.greet()).not.toContain('AUTH');
    expect(await client.ask(GOOD)).toMatch(/^538 5\.7\.11 /);
    expect(await client.ask('MAIL FROM:<a@example.com>')).toMatch(/^530 5\.7\.0 .*STARTTLS/);
    await client.startTls();
    expect(await client.ask('EHLO c')).toMatch(/AUTH PLAIN LOGIN$/);
    expect(await client.ask('MAIL FROM:<a@example.com>')).toMatch(/^530 5\.7\.0 /);
    expect(await client.ask(GOOD)).toBe('235 2.7.0 Authentication successful');
    expect(await client.ask(GOOD)).toMatch(/^503 5\.5\.1 /);
    expect(await client.ask('MAIL FROM:<a@example.com> AUTH=<>')).toMatch(/^250 /);
    expect(handlers[0]!.calls).toContain('auth PLAIN ann');
  });

  it('LOGIN asks for user and password', async () => {
    const { connect, handlers } = await openListener(options);
    const client = await secured(connect);
    await client.ask('EHLO c');
    expect(await client.ask('auth login')).toBe(`334 ${base64('Username:')}`);
    expect(await client.ask(base64('ann'))).toBe(`334 ${base64('Password:')}`);
    expect(await client.ask(base64('pass'))).toMatch(/^235 /);
    expect(handlers[0]!.calls).toContain('auth LOGIN ann');
  });

  it('PLAIN without an initial response gets an empty challenge', async () => {
    const { connect } = await openListener(options);
    const client = await secured(connect);
    await client.ask('EHLO c');
    client.send('AUTH PLAIN\r\n');
    expect(await client.reply()).toBe('334');
    expect(await client.ask(base64('\0ann\0pass'))).toMatch(/^235 /);
  });

  it.each([
    ['a wrong password', [`AUTH PLAIN ${base64('\0ann\0no')}`], /^535 5\.7\.8 /],
    ['a cancelled exchange', ['AUTH LOGIN', '*'], /^501 5\.7\.0 /],
    ['what is no base64', ['AUTH PLAIN', '!!!'], /^501 5\.5\.2 /],
    ['an unknown mechanism', ['AUTH CRAM-MD5'], /^504 5\.5\.4 /],
    ['no mechanism', ['AUTH'], /^504 5\.5\.4 /],
    ['too many words', [`${GOOD} more`], /^501 5\.5\.4 /],
    ['a line too long', ['AUTH PLAIN', 'A'.repeat(4096)], /^500 5\.5\.6 /],
    ['a bare LF in the exchange', ['AUTH LOGIN', 'YW5u\nYW5u'], /^500 5\.5\.2 /],
  ])('refuses %s', async (_name, commands, expected) => {
    const { connect, handlers } = await openListener(options);
    const client = await secured(connect);
    await client.ask('EHLO c');
    let last = '';
    for (const command of commands) last = await client.ask(command);
    expect(last).toMatch(expected);
    expect(await client.ask('MAIL FROM:<a@example.com>')).toMatch(/^530 /);
    expect(handlers[0]!.calls.some((call) => call.startsWith('auth'))).toBe(false);
    expect(await client.ask(GOOD)).toMatch(/^235 /);
  });

  it('counts failures as errors', async () => {
    const { connect } = await openListener({ ...options, limits: { errors: 3 } });
    const client = await secured(connect);
    await client.ask('EHLO c');
    const bad = `AUTH PLAIN ${base64('\0ann\0no')}`;
    expect(await client.ask(bad)).toMatch(/^535 /);
    expect(await client.ask(bad)).toMatch(/^535 /);
    expect(await client.ask(bad)).toMatch(/^421 4\.7\.0 /);
    expect(await client.rest()).toEqual([]);
  });

  it('may be refused by the handler all the same', async () => {
    const { connect } = await openListener(options, {
      answer: (method) => (method === 'auth' ? { reply: reply(535, '5.7.1', 'not you') } : undefined),
    });
    const client = await secured(connect);
    await client.ask('EHLO c');
    expect(await client.ask(GOOD)).toBe('535 5.7.1 not you');
    expect(await client.ask('MAIL FROM:<a@example.com>')).toMatch(/^530 /);
  });

  it('is a 454 where the authenticator fails', async () => {
    const { connect, log } = await openListener({
      ...options,
      authenticator: async () => {
        throw new Error('directory down');
      },
    });
    const client = await secured(connect);
    await client.ask('EHLO c');
    expect(await client.ask(GOOD)).toMatch(/^454 4\.7\.0 /);
    const text = JSON.stringify(log);
    expect(text).toContain('directory down');
    expect(text).not.toContain(base64('\0ann\0pass'));
    expect(text).not.toContain('pass');
  });

  it('is not for the middle of a transaction', async () => {
    const { connect } = await openListener({ ...options, requireAuth: false });
    const client = await secured(connect);
    await client.ask('EHLO c');
    await client.ask('MAIL FROM:<a@example.com>');
    expect(await client.ask(GOOD)).toMatch(/^503 5\.5\.1 /);
  });

  it('of one session is forgotten in the next', async () => {
    const { connect } = await openListener(options);
    const first = await secured(connect);
    await first.ask('EHLO c');
    await first.ask(GOOD);
    const second = await secured(connect);
    await second.ask('EHLO c');
    expect(await second.ask('MAIL FROM:<a@example.com>')).toMatch(/^530 /);
  });
});
