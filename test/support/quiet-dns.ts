import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A DNS server on loopback that knows no name, and says so only when it is told to. Close it. */
export interface QuietDns {
  readonly port: number;
  /** Questions so far. */
  readonly asked: number;
  /** Answers what was asked, and from now on at once. */
  answer(): void;
  close(): void;
}

export async function startQuietDns(): Promise<QuietDns> {
  const socket = createSocket('udp4');
  const held: (() => void)[] = [];
  let asked = 0;
  let isQuiet = true;
  socket.on('message', (query, { port, address }) => {
    asked += 1;
    // Without the record of RFC 6891 that ends it: NXDOMAIN, and no additional records.
    const reply = Buffer.from(query.subarray(0, -11));
    reply.writeUInt16BE(0x8183, 2);
    reply.writeUInt16BE(0, 10);
    const say = (): void => socket.send(reply, port, address);
    if (isQuiet) held.push(say);
    else say();
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    get asked() {
      return asked;
    },
    answer() {
      isQuiet = false;
      for (const say of held.splice(0)) say();
    },
    close: () => void socket.close(),
  };
}
