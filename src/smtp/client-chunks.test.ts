import { afterEach, describe, expect, it } from 'vitest';
import type { ByteSource } from '../base/bytes.ts';
import { silentLog } from '../base/log.ts';
import { spoolOf } from '../base/spool.ts';
import { formatReply, reply } from '../mail/reply.ts';
import { Peer, serving, type Manners } from './client-testing.ts';
import { smtpDownstream } from './client.ts';
import type { Converted, Downstream, DownstreamReply, SendRequest } from './transaction.ts';

/** BODY=BINARYMIME towards a downstream (RFC 3030), and what becomes of mail that it does not take (RFC 6152 section 3). */

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function start(manners: Manners): Promise<{ peer: Peer; downstream: Downstream }> {
  const peer = new Peer(serving(manners));
  const downstream = smtpDownstream({
    name: 'store',
    protocol: manners.lmtp === true ? 'lmtp' : 'smtp',
    host: '127.0.0.1',
    port: await peer.listen(),
    hostname: 'gate.test',
    tls: 'none',
    log: silentLog,
  });
  closers.push(
    () => downstream.close(100),
    () => peer.close(),
  );
  return { peer, downstream };
}

const BINARY = ['PIPELINING', '8BITMIME', 'CHUNKING', 'BINARYMIME'];
const OCTETS = Buffer.from('Content-Type: x/y\r\n\r\n\0\n.\r\n.\n\r\xFF', 'latin1');
const sender = (BODY: string) => ({ address: 's@x.test', params: { BODY } });
const to = (...addresses: string[]) => addresses.map((address) => ({ address, params: {} }));
const said = (replies: readonly DownstreamReply[]) =>
  replies.map((one) => `${one.local === true ? 'local ' : ''}${formatReply(one)}`);
const request = (more: Partial<SendRequest> = {}): SendRequest => ({
  sender: sender('BINARYMIME'),
  recipients: to('a@x.test'),
  message: spoolOf(OCTETS),
  ...more,
});

/** A converter that keeps what it was asked for. */
function converting(converted: Converted) {
  const asked: string[] = [];
  return {
    asked,
    convert: async (needs: string): Promise<Converted> => {
      asked.push(needs);
      return converted;
    },
  };
}

describe('a binary message', () => {
  it('goes in chunks, octet for octet', async () => {
    const { peer, downstream } = await start({ extensions: [...BINARY, 'SIZE'] });
    expect(said(await downstream.send(request()))).toEqual(['250 2.0.0 taken']);
    expect(peer.chunks).toEqual([OCTETS]);
    expect(peer.lines).toEqual([
      'EHLO gate.test',
      `MAIL FROM:<s@x.test> BODY=BINARYMIME SIZE=${OCTETS.length}`,
      'RCPT TO:<a@x.test>',
      `BDAT ${OCTETS.length} LAST`,
    ]);
    // The connection is good for the next.
    expect(said(await downstream.send(request({ sender: sender('7BIT') })))).toEqual([
      'local 550 5.6.0 the message has a bare CR or LF (RFC 5321 section 2.3.8)',
    ]);
    expect(peer.connections).toBe(1);
  });

  it('goes so step by step, too', async () => {
    const { peer, downstream } = await start({ extensions: BINARY });
    const transaction = downstream.open();
    await transaction.mail(sender('binarymime'));
    await transaction.rcpt(to('a@x.test')[0]!);
    expect(said(await transaction.data(spoolOf(OCTETS)))).toEqual(['250 2.0.0 taken']);
    expect(peer.lines.slice(1)).toEqual([
      'MAIL FROM:<s@x.test> BODY=binarymime',
      'RCPT TO:<a@x.test>',
      `BDAT ${OCTETS.length} LAST`,
    ]);
  });

  it('that is large goes in several, and an empty one in one', async () => {
    const large = Buffer.alloc(2_500_000, OCTETS);
    const { peer, downstream } = await start({ extensions: BINARY.slice(1) });
    expect(said(await downstream.send(request({ message: spoolOf(large) })))).toEqual(['250 2.0.0 taken']);
    expect(said(await downstream.send(request({ message: spoolOf(Buffer.alloc(0)) })))).toEqual([
      '250 2.0.0 taken',
    ]);
    expect(Buffer.concat(peer.chunks).equals(large)).toBe(true);
    expect(peer.lines.filter((line) => line.startsWith('BDAT'))).toEqual([
      'BDAT 1048576',
      'BDAT 1048576',
      'BDAT 402848 LAST',
      'BDAT 0 LAST',
    ]);
  });

  it('that is refused in the middle goes no further, and RSET follows', async () => {
    const { peer, downstream } = await start({
      extensions: BINARY,
      answer: (line) => (line === 'BDAT 1048576' ? '452 4.3.1 full' : undefined),
    });
    const message = spoolOf(Buffer.alloc(2_500_000));
    const recipients = to('a@x.test', 'b@x.test');
    expect(said(await downstream.send(request({ message, recipients })))).toEqual([
      '452 4.3.1 full',
      '452 4.3.1 full',
    ]);
    await expect.poll(() => peer.lines.at(-1)).toBe('RSET');
    expect(peer.lines.filter((line) => line.startsWith('BDAT'))).toEqual(['BDAT 1048576']);
  });

  it('has a reply for each recipient by LMTP, and none for those refused at RCPT', async () => {
    const { peer, downstream } = await start({
      lmtp: true,
      extensions: BINARY,
      answer: (line) => (line.includes('no@') ? '550 5.1.1 no such user' : undefined),
      final: () => ['250 2.0.0 taken', '452 4.2.2 full'],
    });
    const recipients = to('a@x.test', 'no@x.test', 'b@x.test');
    expect(said(await downstream.send(request({ recipients })))).toEqual([
      '250 2.0.0 taken',
      '550 5.1.1 no such user',
      '452 4.2.2 full',
    ]);
    expect(peer.chunks).toHaveLength(1);
  });

  it('is not begun where all recipients are refused', async () => {
    const { peer, downstream } = await start({
      extensions: BINARY,
      answer: (line) => (line.startsWith('RCPT') ? '550 5.1.1 no such user' : undefined),
    });
    expect(said(await downstream.send(request()))).toEqual(['550 5.1.1 no such user']);
    await expect.poll(() => peer.lines.at(-1)).toBe('RSET');
    expect(peer.chunks).toEqual([]);
  });

  it('whose connection is lost may have arrived, or not', async () => {
    for (const [lmtp, told] of [
      [false, 'local 421 4.4.2 downstream store closed the connection'],
      [true, 'local 451 4.4.2 downstream store gave no reply for this recipient'],
    ] as const) {
      const { downstream } = await start({
        lmtp,
        extensions: BINARY,
        answer(line, session) {
          if (line.startsWith('BDAT')) session.socket.destroy();
          return undefined;
        },
      });
      for (const size of [10, 2_500_000]) {
        const message = spoolOf(Buffer.alloc(size));
        expect(said(await downstream.send(request({ message })))).toEqual([told]);
      }
    }
  });

  it('that can not be read to its end is not taken', async () => {
    const { peer, downstream } = await start({ extensions: BINARY });
    const cut: ByteSource = { size: 100, read: async (offset) => Buffer.alloc(10).subarray(offset) };
    expect(said(await downstream.send(request({ message: cut })))).toEqual([
      'local 451 4.3.0 the message could not be read',
    ]);
    expect(peer.chunks).toEqual([]);
  });
});

describe('what a downstream does not take', () => {
  const message = spoolOf(Buffer.from('Subject: x\r\n\r\nplain\r\n'));

  it.each([
    ['BINARYMIME', ['CHUNKING', '8BITMIME'], '8bit', ' BODY=8BITMIME'],
    ['BINARYMIME', ['BINARYMIME', '8BITMIME'], '8bit', ' BODY=8BITMIME'],
    ['BINARYMIME', ['CHUNKING'], '7bit', ''],
    ['8BITMIME', ['CHUNKING', 'BINARYMIME'], '7bit', ''],
  ])('is converted: BODY=%s where %j is offered', async (body, extensions, needs, declared) => {
    const { peer, downstream } = await start({ extensions: [...extensions, 'SIZE', 'PIPELINING'] });
    const { asked, convert } = converting({ message });
    expect(said(await downstream.send(request({ sender: sender(body), convert })))).toEqual([
      '250 2.0.0 taken',
    ]);
    expect(asked).toEqual([needs]);
    expect(peer.messages.map(String)).toEqual(['Subject: x\r\n\r\nplain\r\n.\r\n']);
    const mail = peer.lines.find((line) => line.startsWith('MAIL'))!;
    expect(mail.replace(/ SIZE=\d+/, '')).toBe(`MAIL FROM:<s@x.test>${declared}`);
    expect(mail).toContain(` SIZE=${message.size}`);
  });

  it.each([
    ['8BITMIME', ['8BITMIME']],
    ['7BIT', []],
  ])('is not what was said to be BODY=%s where %j is offered', async (body, extensions) => {
    const { peer, downstream } = await start({ extensions });
    const { asked, convert } = converting({ message });
    await downstream.send(request({ sender: sender(body), message, convert }));
    expect(asked).toEqual([]);
    expect(peer.messages).toHaveLength(1);
  });

  it('and can not be converted is refused, and nothing of it said', async () => {
    const { peer, downstream } = await start({ extensions: [] });
    const { convert } = converting({ failure: reply(554, '5.6.3', 'no way') });
    expect(said(await downstream.send(request({ convert })))).toEqual(['local 554 5.6.3 no way']);
    expect(said(await downstream.send(request()))).toEqual([
      'local 554 5.6.3 downstream store does not take mail of this kind: 8-bit or binary',
    ]);
    expect(peer.lines).toEqual(['EHLO gate.test']);
  });

  it('step by step is refused at MAIL, and MAIL may be said again', async () => {
    const { peer, downstream } = await start({ extensions: ['CHUNKING'] });
    const transaction = downstream.open();
    for (const body of ['8BITMIME', 'BINARYMIME']) {
      expect(await transaction.mail(sender(body))).toMatchObject({
        code: 554,
        enhanced: '5.6.3',
        local: true,
      });
    }
    expect(await transaction.mail(sender('7BIT'))).toMatchObject({ code: 250 });
    expect(peer.lines).toEqual(['EHLO gate.test', 'MAIL FROM:<s@x.test>']);
    await transaction.abort();
  });
});
