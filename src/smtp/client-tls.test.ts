import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { TLSSocket, createSecureContext } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { silentLog } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { formatReply } from '../mail/reply.ts';
import { smtpDownstream } from './client.ts';
import { selfSigned } from './tls.ts';

let key = '';
let cert = '';
beforeAll(async () => {
  ({ key, cert } = await selfSigned('localhost'));
});

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

interface Behaviour {
  offers?: boolean;
  /** Replaces the reply to STARTTLS. */
  answer?: string;
  /** Answers the handshake with something else. */
  garbage?: boolean;
  /** Speaks nothing newer than TLS 1.0. */
  old?: boolean;
}

/** A downstream that knows STARTTLS; `seen` gets each command with `tls ` before those that came encrypted. */
async function serveTls({
  offers = true,
  answer = '220 go\r\n',
  garbage = false,
  old = false,
}: Behaviour = {}) {
  const seen: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write('220 peer.test\r\n');
    talk(socket, false);
  });
  const talk = (socket: Socket, encrypted: boolean) => {
    let buffer = '';
    const onData = (octets: Buffer) => {
      buffer += octets.toString();
      for (let end = buffer.indexOf('\r\n'); end !== -1; end = buffer.indexOf('\r\n')) {
        const line = buffer.slice(0, end);
        buffer = buffer.slice(end + 2);
        seen.push(`${encrypted ? 'tls ' : ''}${line}`);
        if (line === 'STARTTLS') {
          socket.write(answer);
          if (!answer.startsWith('220')) continue;
          socket.off('data', onData);
          if (garbage) {
            socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
            return;
          }
          const oldest = {
            minVersion: 'TLSv1',
            maxVersion: 'TLSv1',
            ciphers: 'DEFAULT:@SECLEVEL=0',
          } as const;
          const secureContext = createSecureContext({ key, cert, ...(old && oldest) });
          const secure = new TLSSocket(socket, { isServer: true, secureContext });
          secure.on('error', () => {});
          talk(secure, true);
          return;
        }
        if (line.startsWith('EHLO') && offers && !encrypted)
          socket.write('250-peer.test\r\n250 STARTTLS\r\n');
        else if (line === 'DATA') socket.write('354 go on\r\n');
        else if (line === '.' || /^[A-Z]{4}( |$)/.test(line)) socket.write('250 2.0.0 fine\r\n');
      }
    };
    socket.on('data', onData);
  };
  server.listen(0, 'localhost');
  await once(server, 'listening');
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot listen: no port');
  return { port: address.port, seen };
}

interface Sending {
  tls: 'opportunistic' | 'required';
  ca?: string;
  host?: string;
  text?: string;
}

async function send(port: number, { text = 'Subject: x\r\n\r\nx\r\n', ...options }: Sending) {
  const downstream = smtpDownstream({
    name: 'store',
    protocol: 'smtp',
    host: 'localhost',
    port,
    hostname: 'gate.test',
    log: silentLog,
    timeouts: { commandMs: 2000, connectMs: 2000 },
    ...options,
  });
  closers.unshift(() => downstream.close(100));
  const replies = await downstream.send({
    sender: { address: 's@x.test', params: {} },
    recipients: [{ address: 'a@x.test', params: {} }],
    message: spoolOf(Buffer.from(text)),
  });
  return formatReply(replies[0]!);
}

describe('STARTTLS', () => {
  it('encrypts where it is offered, and asks EHLO again', async () => {
    const { port, seen } = await serveTls();
    expect(await send(port, { tls: 'opportunistic' })).toBe('250 2.0.0 fine');
    expect(seen.slice(0, 5)).toEqual([
      'EHLO gate.test',
      'STARTTLS',
      'tls EHLO gate.test',
      'tls MAIL FROM:<s@x.test>',
      'tls RCPT TO:<a@x.test>',
    ]);
  });

  it('is checked against the given CA where it is required', async () => {
    const { port, seen } = await serveTls();
    expect(await send(port, { tls: 'required', ca: cert })).toBe('250 2.0.0 fine');
    expect(seen).toContain('tls MAIL FROM:<s@x.test>');
  });

  it('sends nothing to a certificate that is not trusted where it is required', async () => {
    const { port, seen } = await serveTls();
    expect(await send(port, { tls: 'required' })).toBe(
      '451 4.7.5 no trusted TLS connection to downstream store',
    );
    expect(seen).toEqual(['EHLO gate.test', 'STARTTLS']);
  });

  it('sends nothing to a certificate of another name where it is required', async () => {
    const { port, seen } = await serveTls();
    expect(await send(port, { tls: 'required', ca: cert, host: '127.0.0.1' })).toBe(
      '451 4.7.5 no trusted TLS connection to downstream store',
    );
    expect(seen).toEqual(['EHLO gate.test', 'STARTTLS']);
  });

  it('sends nothing where it is required and not offered, or refused', async () => {
    const without = await serveTls({ offers: false });
    expect(await send(without.port, { tls: 'required', ca: cert })).toBe(
      '451 4.7.4 downstream store offers no TLS',
    );
    const refusing = await serveTls({ answer: '454 4.7.0 not now\r\n' });
    expect(await send(refusing.port, { tls: 'required', ca: cert })).toBe('454 4.7.0 not now');
    expect([...without.seen, ...refusing.seen].filter((line) => line.includes('MAIL'))).toEqual([]);
  });

  it('goes on in clear text where it is opportunistic and refused, or fails', async () => {
    const refusing = await serveTls({ answer: '454 4.7.0 not now\r\n' });
    expect(await send(refusing.port, { tls: 'opportunistic' })).toBe('250 2.0.0 fine');
    const failing = await serveTls({ garbage: true });
    expect(await send(failing.port, { tls: 'opportunistic' })).toBe('250 2.0.0 fine');
    expect(failing.seen.slice(0, 4)).toEqual([
      'EHLO gate.test',
      'STARTTLS',
      'EHLO gate.test',
      'MAIL FROM:<s@x.test>',
    ]);
  });

  it('says no more to a downstream that answered 421', async () => {
    const { port, seen } = await serveTls({ answer: '421 4.3.2 closing\r\n' });
    expect(await send(port, { tls: 'opportunistic' })).toBe('421 4.3.2 closing');
    expect(seen.filter((line) => line !== 'QUIT')).toEqual(['EHLO gate.test', 'STARTTLS']);
  });

  it('carries a large message whole', async () => {
    const { port, seen } = await serveTls();
    const lines = Array.from({ length: 20_000 }, (_, line) => `line ${line}`);
    const text = `${lines.join('\r\n')}\r\n`;
    expect(await send(port, { tls: 'opportunistic', text })).toBe('250 2.0.0 fine');
    const begin = seen.indexOf('tls DATA') + 1;
    const received = seen.slice(begin, begin + lines.length + 1);
    expect(received.join() === [...lines, '.'].map((line) => `tls ${line}`).join()).toBe(true);
  });

  it.each(['220 go\r\n250-peer.test\r\n250 XEVIL\r\n', '220 go\r\n250 ', '220 go\r\n354 x\r\n'])(
    'ends the connection when clear text comes behind the reply: %j',
    async (answer) => {
      const { port, seen } = await serveTls({ answer });
      expect(await send(port, { tls: 'required', ca: cert })).toMatch(/^4/);
      expect(seen).toEqual(['EHLO gate.test', 'STARTTLS']);
    },
  );

  it.each<[string, Behaviour]>([
    ['takes STARTTLS out of the offer', { offers: false }],
    ['answers 454', { answer: '454 4.7.0 TLS not available\r\n' }],
    ['answers 500', { answer: '500 5.5.1 what?\r\n' }],
    ['answers 502', { answer: '502 5.5.1 no such command\r\n' }],
    ['answers 250', { answer: '250 2.0.0 go on in clear text\r\n' }],
    ['answers nonsense', { answer: 'yes\r\n' }],
    ['breaks the handshake', { garbage: true }],
    ['speaks TLS 1.0', { old: true }],
    ['answers for us, with clear text behind 220', { answer: '220 go\r\n250 taken\r\n' }],
  ])(
    'where it is required, says nothing but EHLO and QUIT to one in between who %s',
    async (_how, behaviour) => {
      const { port, seen } = await serveTls(behaviour);
      expect(await send(port, { tls: 'required', ca: cert })).toMatch(/^4/);
      expect(seen.filter((line) => !/^(?:EHLO gate\.test|STARTTLS|QUIT)$/.test(line))).toEqual([]);
    },
  );

  it('goes on in clear text where it is opportunistic and what is spoken there is too old', async () => {
    const { port, seen } = await serveTls({ old: true });
    expect(await send(port, { tls: 'opportunistic' })).toBe('250 2.0.0 fine');
    expect(seen.slice(0, 4)).toEqual([
      'EHLO gate.test',
      'STARTTLS',
      'EHLO gate.test',
      'MAIL FROM:<s@x.test>',
    ]);
  });

  it('takes no clear text behind 220 for an answer from inside, where it is opportunistic too', async () => {
    const { port, seen } = await serveTls({ answer: '220 go\r\n250-peer.test\r\n250 XEVIL\r\n' });
    // Who is in between can have clear text anyway. What he must not have is a say inside TLS, or an extension that the peer did not offer there.
    expect(await send(port, { tls: 'opportunistic' })).toBe('250 2.0.0 fine');
    expect(seen.slice(0, 4)).toEqual([
      'EHLO gate.test',
      'STARTTLS',
      'EHLO gate.test',
      'MAIL FROM:<s@x.test>',
    ]);
  });
});
