import { afterEach, describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import { closeListeners, OK, openListener } from './server-testing.ts';

afterEach(closeListeners);

const refusal = (code: number, enhanced: string) => ({ reply: reply(code, enhanced, 'no') });

describe('LMTP', () => {
  const lmtp = { protocol: 'lmtp' } as const;

  it('has LHLO alone, and one reply for each accepted recipient', async () => {
    const { connect } = await openListener(lmtp, {
      answer: (method, argument) =>
        argument.startsWith('no@') && method === 'rcpt' ? refusal(550, '5.1.1') : undefined,
      message: (_octets, recipients) =>
        recipients.map((address) => (address.startsWith('full@') ? refusal(452, '4.2.2') : OK)),
    });
    const client = await connect();
    await client.reply();
    expect(await client.ask('EHLO c')).toMatch(/^500 5\.5\.1 /);
    expect(await client.ask('HELO c')).toMatch(/^500 5\.5\.1 /);
    expect(await client.ask('LHLO c')).toMatch(/^250-test\.example\n250-PIPELINING\n/);
    await client.ask('MAIL FROM:<>');
    for (const name of ['a', 'no', 'full', 'b']) await client.ask(`RCPT TO:<${name}@example.com>`);
    await client.ask('DATA');
    client.send('x\r\n.\r\nNOOP\r\n');
    expect(await client.reply()).toBe('250 2.0.0 OK');
    expect(await client.reply()).toBe('452 4.2.2 no');
    expect(await client.reply()).toBe('250 2.0.0 OK');
    expect(await client.reply()).toBe('250 2.0.0 OK');
  });

  it('refuses once for each recipient', async () => {
    const { connect, handlers } = await openListener({ ...lmtp, maxMessageSize: 5 });
    const client = await connect();
    await client.greet('LHLO c');
    await client.ask('MAIL FROM:<>');
    for (const name of ['a', 'b']) await client.ask(`RCPT TO:<${name}@example.com>`);
    await client.ask('DATA');
    client.send('too large\r\n.\r\nQUIT\r\n');
    expect(await client.rest()).toEqual([
      expect.stringMatching(/^552 5\.3\.4 /),
      expect.stringMatching(/^552 5\.3\.4 /),
      expect.stringMatching(/^221 /),
    ]);
    expect(handlers[0]!.calls).toContain('reset');
    expect(handlers[0]!.messages).toEqual([]);
  });

  it('says 503 where no recipient was accepted (RFC 2033 section 4.2)', async () => {
    const { connect } = await openListener(lmtp, {
      answer: (method) => (method === 'rcpt' ? refusal(550, '5.1.1') : undefined),
    });
    const client = await connect();
    await client.greet('LHLO c');
    await client.ask('MAIL FROM:<>');
    await client.ask('RCPT TO:<a@example.com>');
    // More often than the limit of errors: a client that pipelines does nothing wrong.
    for (let i = 0; i < 15; i++) expect(await client.ask('DATA')).toMatch(/^503 /);
  });

  it('makes up for a handler that gives too few answers', async () => {
    const { connect, log } = await openListener(lmtp, { message: () => [OK] });
    const client = await connect();
    await client.greet('LHLO c');
    await client.ask('MAIL FROM:<>');
    for (const name of ['a', 'b']) await client.ask(`RCPT TO:<${name}@example.com>`);
    await client.ask('DATA');
    client.send('x\r\n.\r\n');
    expect([await client.reply(), await client.reply()]).toEqual([
      '250 2.0.0 OK',
      '451 4.3.0 Local error in processing',
    ]);
    expect(log.some(({ level }) => level === 'error')).toBe(true);
  });
});
