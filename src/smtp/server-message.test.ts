import { readdirSync } from 'node:fs';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { SPOOL_MEMORY_LIMIT } from '../base/spool.ts';
import { reply } from '../mail/reply.ts';
import { closeListeners, openListener } from './server-testing.ts';

afterEach(closeListeners);

const LINE = `${'x'.repeat(76)}\r\n`;

describe('smuggling', () => {
  const inner = 'MAIL FROM:<evil@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\nevil\r\n.\r\n';

  it.each(['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r.\r\n', '\r\n.\r', '\r\n.\r\r\n', '\r\n.\0\r\n'])(
    'after %j does not work',
    async (end) => {
      const { connect, handlers } = await openListener();
      const client = await connect();
      await client.greet();
      await client.begin();
      client.send(`a${end}`);
      // A segment of its own, as an attacker would time it.
      await new Promise((resolve) => setTimeout(resolve, 20));
      client.send(inner);
      expect(await client.reply()).toMatch(/^550 5\.6\.0 /);
      expect(await client.ask('NOOP')).toMatch(/^250 /);
      expect(handlers[0]!.messages).toEqual([]);
      expect(handlers[0]!.calls.filter((call) => call.startsWith('mail'))).toEqual(['mail a@example.com']);
      expect(handlers[0]!.calls).toContain('reset');
    },
  );

  it.each(['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r\n.\r\r\n'])(
    'after %j is content where line endings are repaired',
    async (end) => {
      const { connect, handlers } = await openListener({ lineEndings: 'repair' });
      const client = await connect();
      await client.greet();
      await client.begin();
      client.send(`a${end}MAIL FROM:<evil@example.com>\r\n.\r\n`);
      expect(await client.reply()).toMatch(/^250 /);
      const message = handlers[0]!.messages[0]!.toString();
      expect(message).toMatch(/^a\r\n\.\r\n(?:\r\n)?MAIL FROM:<evil@example\.com>\r\n$/);
      expect(handlers[0]!.calls.filter((call) => call.startsWith('mail'))).toEqual(['mail a@example.com']);
    },
  );

  it('in a command line does not work', async () => {
    const { connect, handlers } = await openListener();
    const client = await connect();
    await client.greet();
    client.send('NOOP\nMAIL FROM:<evil@example.com>\r\nNOOP\r\n');
    expect(await client.reply()).toMatch(/^500 5\.5\.2 /);
    expect(await client.reply()).toMatch(/^250 /);
    expect(handlers[0]!.calls).toEqual(['connect', 'helo EHLO client.example']);
  });

  it('from a web page does not work', async () => {
    const { connect, handlers } = await openListener();
    const client = await connect();
    await client.reply();
    client.send('POST / HTTP/1.1\r\nHost: test.example\r\n\r\nEHLO evil\r\nMAIL FROM:<>\r\n');
    expect(await client.rest()).toEqual([expect.stringMatching(/^421 /)]);
    client.socket.end();
    await handlers[0]!.closed;
    expect(handlers[0]!.calls).toEqual(['connect', 'close']);
  });
});

describe('a whole dialog', () => {
  const dialog =
    'EHLO c\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n' +
    'Subject: x\r\n\r\n..one\r\n.two\r\n.\r\nNO\rOP\r\nQUIT\r\n';

  it('goes the same however the octets arrive', async () => {
    const { connect, handlers } = await openListener();
    const sizes = [dialog.length, 1, 2, 3, 7];
    const results: string[][] = [];
    for (const size of sizes) {
      const client = await connect();
      for (let at = 0; at < dialog.length; at += size) {
        client.send(dialog.slice(at, at + size));
        // Nothing marks a segment but a turn of the event loop.
        await new Promise(setImmediate);
      }
      results.push(await client.rest());
      client.socket.end();
    }
    for (const result of results) expect(result).toEqual(results[0]);
    const codes = results[0]!.filter((line) => line[3] === ' ').map((line) => line.slice(0, 3));
    expect(codes).toEqual(['220', '250', '250', '250', '354', '250', '500', '221']);
    await Promise.all(handlers.map((handler) => handler.closed));
    for (const handler of handlers) {
      expect(handler.messages.map(String)).toEqual(['Subject: x\r\n\r\n.one\r\ntwo\r\n']);
    }
  });
});

describe('size', () => {
  it('over the limit is swallowed and refused, and the session goes on', async () => {
    const { connect, handlers, spoolDirectory } = await openListener({ maxMessageSize: 400_000 });
    const client = await connect();
    await client.greet();
    await client.begin();
    client.send(LINE.repeat(40_000));
    client.send('.\r\n');
    expect(await client.reply()).toMatch(/^552 5\.3\.4 /);
    expect(handlers[0]!.messages).toEqual([]);
    expect(handlers[0]!.calls.at(-1)).toBe('reset');
    expect(readdirSync(spoolDirectory)).toEqual([]);
    await client.begin();
    client.send('small\r\n.\r\n');
    expect(await client.reply()).toMatch(/^250 /);
  });

  it('of 25 MB goes through, octet for octet', async () => {
    const { connect, handlers, listener } = await openListener({ maxMessageSize: 30_000_000 });
    const client = await connect();
    await client.greet();
    await client.begin();
    const block = Buffer.from(LINE.repeat(1000));
    const blocks = Math.floor(25_000_000 / block.length);
    for (let i = 0; i < blocks; i++) {
      if (!client.socket.write(block)) await once(client.socket, 'drain');
    }
    client.send('.\r\n');
    expect(await client.reply()).toMatch(/^250 /);
    const [message] = handlers[0]!.messages;
    expect(message!.length).toBe(blocks * block.length);
    expect(message!.subarray(-block.length).equals(block)).toBe(true);
    expect(listener.sessions).toBe(1);
  });

  it('of a line over 998 octets passes, and is logged; one over a MiB is refused', async () => {
    const { connect, handlers, log } = await openListener({ maxMessageSize: 3_000_000 });
    const client = await connect();
    await client.greet();
    await client.begin();
    client.send(`${'x'.repeat(5000)}\r\n.\r\n`);
    expect(await client.reply()).toMatch(/^250 /);
    expect(handlers[0]!.messages[0]!.length).toBe(5002);
    expect(log.filter(({ level }) => level === 'debug')).toMatchObject([{ fields: { octets: 5000 } }]);
    await client.begin();
    client.send(`${'x'.repeat(1024 * 1024 + 1)}\r\n.\r\n`);
    expect(await client.reply()).toMatch(/^552 5\.3\.4 /);
    expect(handlers[0]!.messages).toHaveLength(1);
  });
});

describe('a client that vanishes', () => {
  it.each(['end', 'reset'])('in the message (%s) leaves nothing behind', async (how) => {
    const { connect, handlers, listener, spoolDirectory } = await openListener();
    const client = await connect();
    await client.greet();
    await client.begin();
    client.send(LINE.repeat(Math.ceil((SPOOL_MEMORY_LIMIT * 2) / LINE.length)));
    await expect.poll(() => readdirSync(spoolDirectory).length).toBe(1);
    if (how === 'end') client.socket.end();
    else client.socket.resetAndDestroy();
    await handlers[0]!.closed;
    await expect.poll(() => listener.sessions).toBe(0);
    expect(handlers[0]!.messages).toEqual([]);
    expect(handlers[0]!.calls.slice(-3)).toEqual(['data', 'reset', 'close']);
    expect(readdirSync(spoolDirectory)).toEqual([]);
  });

  it('just before the end of the message has sent none', async () => {
    for (const last of ['x\r\n.\r', 'x\r\n.', 'x\r\n', '.\r']) {
      const { connect, handlers } = await openListener();
      const client = await connect();
      await client.greet();
      await client.begin();
      client.socket.end(last);
      await client.rest();
      await handlers[0]!.closed;
      expect(handlers[0]!.messages).toEqual([]);
    }
  });

  it('in a command has not said it', async () => {
    const { connect, handlers } = await openListener();
    const client = await connect();
    await client.greet();
    client.socket.end('MAIL FROM:<a@example.com>');
    expect(await client.rest()).toEqual([]);
    await handlers[0]!.closed;
    expect(handlers[0]!.calls).toEqual(['connect', 'helo EHLO client.example', 'close']);
  });

  it('while the handler works is told to the handler when it is done', async () => {
    let go = (): void => {};
    const waiting = new Promise<void>((resolve) => {
      go = resolve;
    });
    const { connect, handlers, log } = await openListener(
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
    await client.ask('MAIL FROM:<a@example.com>');
    client.send('RCPT TO:<b@example.com>\r\nDATA\r\n');
    await expect.poll(() => handlers[0]!.calls.at(-1)).toBe('rcpt b@example.com');
    client.socket.resetAndDestroy();
    await expect.poll(() => log.length).toBe(1);
    expect(handlers[0]!.calls.at(-1)).toBe('rcpt b@example.com');
    go();
    expect(await handlers[0]!.closed).toMatch(/^connection lost: /);
    expect(handlers[0]!.calls.slice(-3)).toEqual(['rcpt b@example.com', 'reset', 'close']);
  });

  it('reads no replies is not read on from, and ended when idle', async () => {
    const long = { reply: reply(550, '5.7.1', 'x'.repeat(500)) };
    const { connect, handlers, listener } = await openListener(
      { limits: { idleSeconds: 1 } },
      { answer: (method) => (method === 'mail' ? long : undefined) },
    );
    const client = await connect();
    await client.greet();
    client.socket.pause();
    // Their replies are 51 MB: more than the kernel holds for both sides.
    const commands = 100_000;
    client.send('MAIL FROM:<>\r\n'.repeat(commands));
    expect(await handlers[0]!.closed).toBe('idle timeout');
    await expect.poll(() => listener.sessions).toBe(0);
    expect(handlers[0]!.calls.length).toBeLessThan(commands);
    client.socket.destroy();
  });
});

describe('a disk that does not take it', () => {
  it('costs the message a 452, a log line, and nothing more', async () => {
    const { connect, handlers, log, spoolDirectory } = await openListener();
    const client = await connect();
    await client.greet();
    await client.begin();
    await rm(spoolDirectory, { recursive: true });
    client.send(LINE.repeat(9000));
    client.send('.\r\n');
    expect(await client.reply()).toMatch(/^452 4\.3\.1 /);
    expect(handlers[0]!.messages).toEqual([]);
    expect(handlers[0]!.calls.at(-1)).toBe('reset');
    expect(handlers[0]!.endings).toMatchObject([
      { by: 'message', ours: true, cause: expect.stringMatching(/^cannot spool the message: .*ENOENT/) },
    ]);
    expect(log).toEqual([]);
    await client.begin();
    client.send('small enough for memory\r\n.\r\n');
    expect(await client.reply()).toMatch(/^250 /);
  });
});
