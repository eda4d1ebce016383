import { afterEach, describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import { closeListeners, openListener } from './server-testing.ts';

afterEach(closeListeners);

const refusal = (code: number, enhanced: string) => ({ reply: reply(code, enhanced, 'no') });

describe('the handler', () => {
  it('may refuse the connection', async () => {
    const { connect, handlers } = await openListener(
      {},
      {
        answer: (method) => (method === 'connect' ? refusal(554, '5.7.1') : undefined),
      },
    );
    const client = await connect();
    client.send('EHLO c\r\n');
    expect(await client.rest()).toEqual(['554 5.7.1 no']);
    client.socket.end();
    await handlers[0]!.closed;
    expect(handlers[0]!.calls).toEqual(['connect', 'close']);
  });

  it('may disconnect at any command, and the rest is not heard', async () => {
    const { connect, handlers } = await openListener(
      {},
      {
        answer: (method) => (method === 'mail' ? { ...refusal(550, '5.7.1'), disconnect: true } : undefined),
      },
    );
    const client = await connect();
    await client.greet();
    client.send('MAIL FROM:<>\r\nMAIL FROM:<>\r\n');
    expect(await client.rest()).toEqual(['550 5.7.1 no']);
    client.socket.end();
    await handlers[0]!.closed;
    expect(handlers[0]!.calls.filter((call) => call.startsWith('mail'))).toHaveLength(1);
  });

  it('that throws costs its command a 451, a log line, and nothing more', async () => {
    let fail = true;
    const { connect, handlers, log } = await openListener(
      {},
      {
        answer: () => {
          if (fail) throw new Error('secret cause');
          return undefined;
        },
        message: () => {
          throw new Error('secret cause');
        },
      },
    );
    const refused = await connect();
    expect(await refused.rest()).toEqual(['451 4.3.0 Local error in processing']);
    refused.socket.end();
    await handlers[0]!.closed;
    fail = false;
    const client = await connect();
    await client.greet();
    fail = true;
    expect(await client.ask('MAIL FROM:<>')).toBe('451 4.3.0 Local error in processing');
    fail = false;
    await client.begin();
    client.send('x\r\n.\r\n');
    expect(await client.reply()).toBe('451 4.3.0 Local error in processing');
    expect(await client.ask('NOOP')).toMatch(/^250 /);
    const errors = log.filter(({ level }) => level === 'error');
    expect(errors.map(({ fields }) => [fields['stage'], fields['cause']])).toEqual([
      ['connect', 'secret cause'],
      ['mail', 'secret cause'],
      ['message', 'secret cause'],
    ]);
  });

  it('cannot forge reply lines', async () => {
    const { connect } = await openListener(
      {},
      {
        answer: (method) =>
          method === 'mail'
            ? { reply: { code: 550, enhanced: '5.7.1', lines: ['a\r\n250 b', 'ç', 'x'.repeat(600)] } }
            : undefined,
      },
    );
    const client = await connect();
    await client.greet();
    const lines = (await client.ask('MAIL FROM:<>')).split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe('550-5.7.1 a??250 b');
    expect(lines[1]).toBe('550-5.7.1 ?');
    expect(lines[2]).toBe(`550 5.7.1 ${'x'.repeat(500)}`);
  });
});
