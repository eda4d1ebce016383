import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { decodeReply, encodeQuestion, type DnsQuestion, type DnsReply } from './dns-message.ts';

export interface DnsServer {
  /** IPv4 or IPv6. */
  readonly address: string;
  readonly port: number;
}

/**
 * Asks one server once: over UDP, and where the answer does not fit into a datagram over TCP. Each question has a socket, so a port, and an
 * identifier of its own, and what does not answer it is passed over (RFC 5452). Throws an Error when aborted, and for a server that can't be
 * reached or does not speak DNS.
 */
export async function exchange(
  server: DnsServer,
  { question, signal }: { question: DnsQuestion; signal: AbortSignal },
): Promise<DnsReply> {
  const id = randomInt(0x1_0000);
  const asked = { octets: encodeQuestion(id, question), signal };
  const read = (octets: Buffer): DnsReply | undefined => decodeReply(octets, { id, question });
  const reply = await overUdp(server, { ...asked, read });
  return reply.truncated ? overTcp(server, { ...asked, read }) : reply;
}

interface Asked {
  readonly octets: Buffer;
  readonly signal: AbortSignal;
  /** Undefined for what answers another question; throws a RangeError for what is malformed. */
  readonly read: (octets: Buffer) => DnsReply | undefined;
}

async function overUdp({ address, port }: DnsServer, { octets, signal, read }: Asked): Promise<DnsReply> {
  signal.throwIfAborted();
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<DnsReply>((resolve, reject) => {
      onAbort = () => reject(reasonOf(signal));
      signal.addEventListener('abort', onAbort);
      socket.on('error', reject);
      socket.on('message', (message) => {
        try {
          const reply = read(message);
          if (reply !== undefined) resolve(reply);
        } catch (thrown) {
          reject(thrown);
        }
      });
      // Connected, it hears that server and no other, and that nobody listens there.
      socket.connect(port, address, () => socket.send(octets));
    });
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    socket.close();
  }
}

/** Each message is preceded by its length (RFC 1035 section 4.2.2). */
async function overTcp({ address, port }: DnsServer, { octets, signal, read }: Asked): Promise<DnsReply> {
  signal.throwIfAborted();
  const socket = connect({ host: address, port });
  const onAbort = (): void => {
    socket.destroy(reasonOf(signal));
  };
  signal.addEventListener('abort', onAbort);
  try {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(octets.length);
    socket.write(Buffer.concat([length, octets]));
    let received = Buffer.alloc(0);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2) continue;
      const end = 2 + received.readUInt16BE();
      if (received.length < end) continue;
      const reply = read(received.subarray(2, end));
      if (reply === undefined || reply.truncated) throw new RangeError('an answer to another question');
      return reply;
    }
    throw new RangeError('the connection ended before the answer');
  } finally {
    signal.removeEventListener('abort', onAbort);
    socket.destroy();
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error('it was ended');
}
