import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { reply } from '../mail/reply.ts';
import type { ListenerOptions } from './listener-options.ts';
import {
  closeListeners,
  OK,
  openListener,
  type Script,
  type TestClient,
  type TestListener,
} from './server-testing.ts';
import { selfSigned } from './tls.ts';

/** BDAT, RFC 3030 section 2; BODY=BINARYMIME, section 3. */

afterEach(closeListeners);

const TEXT = 'Subject: x\r\n\r\na body\r\n';
const MANY = 'x'.repeat(600_000);

async function open(
  options: Partial<ListenerOptions> = {},
  script: Script = {},
): Promise<TestListener & { client: TestClient }> {
  const listener = await openListener(options, script);
  const client = await listener.connect();
  await client.greet(options.protocol === 'lmtp' ? 'LHLO c' : 'EHLO c');
  return { ...listener, client };
}

/** MAIL, and RCPT for each. */
async function begin(client: TestClient, to = ['b@example.com'], params = ''): Promise<void> {
  expect(await client.ask(`MAIL FROM:<a@example.com>${params}`)).toMatch(/^250 /);
  for (const address of to) expect(await client.ask(`RCPT TO:<${address}>`)).toMatch(/^250 /);
}

const chunk = (octets: string, last = false): Buffer =>
  Buffer.from(`BDAT ${octets.length}${last ? ' LAST' : ''}\r\n${octets}`, 'latin1');

const messagesOf = ({ handlers }: TestListener): string[] =>
  handlers.flatMap(({ messages }) => messages.map((octets) => octets.toString('latin1')));
const callsOf = ({ handlers }: TestListener, name: string): string[] =>
  handlers[0]!.calls.filter((call) => call.split(' ')[0] === name);

describe('a message in chunks', () => {
  it('is offered, and may come in one', async () => {
    const listener = await openListener();
    const client = await listener.connect();
    expect(await client.greet()).toMatch(/^250-CHUNKING\n250-BINARYMIME$/m);
    await begin(client);
    client.send(chunk(TEXT, true));
    expect(await client.reply()).toBe('250 2.0.0 OK');
    expect(messagesOf(listener)).toEqual([TEXT]);
  });

  it('may come in many, each with its reply, and is asked about at the first', async () => {
    const opened = await open();
    const { client } = opened;
    await begin(client);
    client.send(chunk('Subject: x\r'));
    expect(await client.reply()).toBe('250 2.0.0 11 octets received');
    expect(callsOf(opened, 'data')).toHaveLength(1);
    client.send(chunk('\n\r\n.\r\n'));
    expect(await client.reply()).toBe('250 2.0.0 6 octets received');
    client.send('BDAT 0\r\n');
    expect(await client.reply()).toBe('250 2.0.0 0 octets received');
    client.send('bdat 0 last\r\n');
    expect(await client.reply()).toBe('250 2.0.0 OK');
    expect(messagesOf(opened)).toEqual(['Subject: x\r\n\r\n.\r\n']);
    expect(callsOf(opened, 'data')).toHaveLength(1);
  });

  it('may be pipelined as a whole, however the octets arrive; none of them is a command', async () => {
    const inner = 'RSET\r\nQUIT\r\n.\r\nBDAT 3 LAST\r\nabc\r\n';
    const dialog = Buffer.concat([
      Buffer.from('MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n'),
      chunk(inner),
      chunk(inner, true),
      Buffer.from('MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n'),
      chunk(inner, true),
      Buffer.from('QUIT\r\n'),
    ]);
    for (const size of [dialog.length, 1, 7]) {
      const opened = await open();
      for (let at = 0; at < dialog.length; at += size) {
        opened.client.send(dialog.subarray(at, at + size));
        await new Promise(setImmediate);
      }
      const codes = (await opened.client.rest()).map((line) => line.slice(0, 3)).join(' ');
      expect(codes).toBe('250 250 250 250 250 250 250 221');
      expect(messagesOf(opened)).toEqual([inner + inner, inner]);
      opened.client.socket.end();
    }
  });

  it('of a file of the spool is one message', async () => {
    const opened = await open();
    await begin(opened.client);
    for (const last of [false, true]) {
      opened.client.send(chunk(MANY.slice(0, 400_000), last));
      expect(await opened.client.reply()).toMatch(/^250 /);
    }
    expect(messagesOf(opened).map(({ length }) => length)).toEqual([800_002]);
    expect(readdirSync(opened.spoolDirectory)).toEqual([]);
  });

  it('gets a reply for each recipient after the last chunk by LMTP, and one after each other (RFC 2033 section 4.2)', async () => {
    const opened = await open(
      { protocol: 'lmtp' },
      { message: () => [OK, { reply: reply(552, '5.2.2', 'Full') }] },
    );
    const { client } = opened;
    await begin(client, ['b@example.com', 'c@example.com']);
    client.send(Buffer.concat([chunk(TEXT), chunk('', true), Buffer.from('NOOP\r\n')]));
    expect(await client.reply()).toMatch(/^250 2\.0\.0 \d+ octets/);
    expect(await client.reply()).toBe('250 2.0.0 OK');
    expect(await client.reply()).toBe('552 5.2.2 Full');
    expect(await client.reply()).toBe('250 2.0.0 OK');
  });

  it('gets a reply for each recipient where the client asked for it', async () => {
    const opened = await open({}, { offers: { prdr: true, bypass: false }, message: () => [OK, OK, OK] });
    await begin(opened.client, ['b@example.com', 'c@example.com'], ' PRDR');
    opened.client.send(Buffer.concat([chunk(TEXT), chunk('', true), Buffer.from('QUIT\r\n')]));
    const codes = (await opened.client.rest()).map((line) => line.slice(0, 3));
    expect(codes).toEqual(['250', '353', '250', '250', '250', '221']);
  });
});

describe('a refused chunk', () => {
  it('is read before its reply, and so are those behind it, which get the same', async () => {
    const opened = await open(
      { limits: { errors: 3 } },
      { answer: (method) => (method === 'data' ? { reply: reply(550, '5.7.1', 'No') } : undefined) },
    );
    const { client } = opened;
    await begin(client);
    const chunks = Array.from({ length: 8 }, (_, index) => chunk('QUIT\r\n', index === 7));
    client.send(Buffer.concat([...chunks, Buffer.from('NOOP\r\n')]));
    for (let index = 0; index < 8; index++) expect(await client.reply()).toBe('550 5.7.1 No');
    expect(await client.reply()).toBe('250 2.0.0 OK');
    expect(callsOf(opened, 'data')).toHaveLength(1);
    expect(callsOf(opened, 'reset')).toHaveLength(1);
    expect(messagesOf(opened)).toEqual([]);
    // No RSET is needed for the next.
    expect(await client.ask('MAIL FROM:<a@example.com>')).toMatch(/^250 /);
  });

  it('by LMTP, if it is the last, has a reply for each recipient', async () => {
    const opened = await open(
      { protocol: 'lmtp' },
      { answer: (method) => (method === 'data' ? { reply: reply(451, '4.7.1', 'Later') } : undefined) },
    );
    const { client } = opened;
    await begin(client, ['b@example.com', 'c@example.com']);
    client.send(Buffer.concat([chunk(TEXT), chunk('', true), Buffer.from('NOOP\r\n')]));
    for (let index = 0; index < 3; index++) expect(await client.reply()).toBe('451 4.7.1 Later');
    expect(await client.reply()).toBe('250 2.0.0 OK');
  });

  it('is one without recipients, or out of order', async () => {
    const opened = await open(
      {},
      { answer: (method) => (method === 'rcpt' ? { reply: reply(550, '5.1.1', 'Who?') } : undefined) },
    );
    const { client } = opened;
    client.send(chunk(TEXT, true));
    expect(await client.reply()).toMatch(/^503 5\.5\.1 Say MAIL/);
    await client.ask('MAIL FROM:<a@example.com>');
    client.send(chunk(TEXT, true));
    expect(await client.reply()).toMatch(/^503 5\.5\.1 Say RCPT/);
    expect(await client.ask('RSET')).toMatch(/^250 /);
    client.send(
      Buffer.concat([
        Buffer.from('MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\n'),
        chunk(TEXT),
        chunk(TEXT, true),
      ]),
    );
    expect(await client.reply()).toMatch(/^250 /);
    expect(await client.reply()).toMatch(/^550 5\.1\.1 /);
    expect(await client.reply()).toMatch(/^554 5\.5\.1 No valid/);
    expect(await client.reply()).toMatch(/^554 5\.5\.1 No valid/);
    expect(await client.ask('NOOP')).toMatch(/^250 /);
    expect(messagesOf(opened)).toEqual([]);
  });

  it.each([
    ['a bare LF', 'a\nb\r\n', '550 5.6.0'],
    ['a NUL', 'a\0b\r\n', '550 5.6.0'],
    ['a bare CR over the end of a chunk', 'a\r', '550 5.6.0'],
  ])('is one with %s, told at the chunk where it shows', async (_name, text, told) => {
    const opened = await open();
    const { client } = opened;
    await begin(client);
    client.send(
      Buffer.concat([chunk(text), chunk('b\r\n'), chunk('QUIT\r\n', true), Buffer.from('NOOP\r\n')]),
    );
    const replies = [await client.reply(), await client.reply(), await client.reply(), await client.reply()];
    const first = replies.findIndex((said) => said.startsWith(told));
    expect(first).toBe(text.endsWith('\r') ? 1 : 0);
    expect(replies.slice(first, 3).every((said) => said.startsWith(told))).toBe(true);
    expect(replies[3]).toMatch(/^250 /);
    expect(messagesOf(opened)).toEqual([]);
    expect(opened.handlers[0]!.endings).toHaveLength(1);
  });

  it('is one that makes the message too large, and nothing of it stays on disk', async () => {
    const opened = await open({ maxMessageSize: 1_000_000 });
    const { client, spoolDirectory } = opened;
    await begin(client);
    client.send(chunk(MANY));
    expect(await client.reply()).toMatch(/^250 /);
    expect(readdirSync(spoolDirectory)).toHaveLength(1);
    client.send(Buffer.concat([chunk(MANY), chunk(MANY, true)]));
    expect(await client.reply()).toMatch(/^552 5\.3\.4 /);
    expect(await client.reply()).toMatch(/^552 5\.3\.4 /);
    expect(readdirSync(spoolDirectory)).toEqual([]);
    expect(opened.handlers[0]!.endings).toEqual([
      expect.objectContaining({ by: 'message', cause: 'size', size: 1_200_000 }),
    ]);
    await begin(client);
    client.send(chunk(TEXT, true));
    expect(await client.reply()).toMatch(/^250 /);
  });

  it('ends the session where nobody would wait for its end', async () => {
    for (const size of ['4000001', '18446744073709551616', '99999999999999999999']) {
      const { client, log } = await open({ maxMessageSize: 1_000_000 });
      await begin(client);
      client.send(`BDAT ${size}\r\nRSET\r\n`);
      expect(await client.rest()).toEqual([expect.stringMatching(/^552 5\.3\.4 /)]);
      expect(log.map(({ message }) => message)).toContain('too many octets in refused chunks');
      client.socket.end();
    }
  });

  it('ends the session also where many add up, but not where messages were taken between', async () => {
    const { client } = await open({ maxMessageSize: 1_000_000, limits: { errors: 100 } });
    const refused = async (): Promise<string> => {
      client.send(chunk(MANY));
      return await client.reply();
    };
    for (let round = 0; round < 6; round++) expect(await refused()).toMatch(/^503 /);
    await begin(client);
    client.send(chunk(TEXT, true));
    expect(await client.reply()).toMatch(/^250 /);
    for (let round = 0; round < 6; round++) expect(await refused()).toMatch(/^503 /);
    client.send(chunk(MANY));
    expect(await client.rest()).toEqual([expect.stringMatching(/^503 /)]);
  });

  it.each(['', '-1', '1.5', '0x10', 'LAST', '5 FIRST', '5 LAST x', ' 5', '123456789012345678901'])(
    'ends the session if nobody can tell its size: BDAT %s',
    async (argument) => {
      const { client } = await open();
      await begin(client);
      client.send(`BDAT ${argument}\r\nRSET\r\n`);
      expect(await client.rest()).toEqual([expect.stringMatching(/^501 5\.5\.4 /)]);
    },
  );
});

describe('between chunks', () => {
  it('RSET, HELO and MAIL begin anew; the chunks are forgotten', async () => {
    const opened = await open();
    const { client, spoolDirectory } = opened;
    for (const command of ['RSET', 'EHLO again']) {
      await begin(client);
      client.send(chunk(MANY));
      expect(await client.reply()).toMatch(/^250 /);
      expect(readdirSync(spoolDirectory)).toHaveLength(1);
      expect(await client.ask(command)).toMatch(/^250/);
      expect(readdirSync(spoolDirectory)).toEqual([]);
      client.send(chunk(TEXT, true));
      expect(await client.reply()).toMatch(/^503 5\.5\.1 Say MAIL/);
    }
    await begin(client);
    client.send(chunk(TEXT, true));
    expect(await client.reply()).toMatch(/^250 /);
    expect(messagesOf(opened)).toEqual([TEXT]);
  });

  it('QUIT or a lost connection leave nothing behind', async () => {
    for (const leave of ['QUIT\r\n', 'BDAT 100\r\nabc']) {
      const opened = await open();
      await begin(opened.client);
      opened.client.send(chunk(MANY));
      expect(await opened.client.reply()).toMatch(/^250 /);
      opened.client.send(leave);
      opened.client.socket.end();
      await opened.handlers[0]!.closed;
      expect(opened.handlers[0]!.endings).toHaveLength(1);
      expect(readdirSync(opened.spoolDirectory)).toEqual([]);
      expect(messagesOf(opened)).toEqual([]);
    }
  });

  it('DATA, RCPT, MAIL and STARTTLS are out of order, and the message goes on', async () => {
    const opened = await open({ tls: await selfSigned('test.example') });
    const { client } = opened;
    await begin(client);
    client.send(chunk('Subject: x\r\n'));
    expect(await client.reply()).toMatch(/^250 /);
    const refused = ['DATA', 'RCPT TO:<c@example.com>', 'MAIL FROM:<c@example.com>', 'STARTTLS'];
    for (const command of refused) expect(await client.ask(command)).toMatch(/^503 5\.5\.1 /);
    expect(await client.ask('NOOP')).toMatch(/^250 /);
    client.send(chunk('\r\nx\r\n', true));
    expect(await client.reply()).toMatch(/^250 /);
    expect(messagesOf(opened)).toEqual(['Subject: x\r\n\r\nx\r\n']);
  });

  it('an idle client, and one that takes too long in all, are told so', async () => {
    for (const [limits, told] of [
      [{ idleSeconds: 0.2 }, /^421 4\.4\.2 Idle/],
      [{ transactionSeconds: 0.2 }, /^421 4\.4\.2 Transaction/],
    ] as const) {
      const { client, handlers, spoolDirectory } = await open({ limits });
      await begin(client);
      client.send(chunk(MANY));
      expect(await client.reply()).toMatch(/^250 /);
      client.send('BDAT 100\r\nabc');
      expect(await client.rest()).toEqual([expect.stringMatching(told)]);
      client.socket.end();
      await handlers[0]!.closed;
      expect(readdirSync(spoolDirectory)).toEqual([]);
    }
  });
});

describe('BODY=BINARYMIME', () => {
  const binary = 'Content-Type: image/x\r\n\r\n\0\r\n.\r\n\n\r\xFF';

  it('keeps the octets of the body as they are', async () => {
    const opened = await open();
    await begin(opened.client, ['b@example.com'], ' BODY=BINARYMIME');
    opened.client.send(Buffer.concat([chunk(binary.slice(0, 24)), chunk(binary.slice(24), true)]));
    expect(await opened.client.reply()).toMatch(/^250 /);
    expect(await opened.client.reply()).toMatch(/^250 /);
    expect(messagesOf(opened)).toEqual([binary]);
  });

  it('needs a header of lines', async () => {
    const opened = await open();
    await begin(opened.client, ['b@example.com'], ' body=binarymime');
    opened.client.send(chunk('Subject: x\n\n\0', true));
    expect(await opened.client.reply()).toMatch(/^550 5\.6\.0 /);
  });

  it('does not go with DATA (RFC 3030 section 3)', async () => {
    const { client } = await open();
    await begin(client, ['b@example.com'], ' BODY=BINARYMIME');
    expect(await client.ask('DATA')).toMatch(/^503 5\.5\.1 BODY=BINARYMIME needs BDAT/);
    expect(await client.ask('RSET')).toMatch(/^250 /);
    expect(await client.ask('MAIL FROM:<a@example.com> BODY=BINARY')).toMatch(/^501 5\.5\.4 /);
  });
});
