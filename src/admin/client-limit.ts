import type { Socket } from 'node:net';

/** At most so many connections of one address. */
export function limitEach(most: number): (socket: Socket) => void {
  const open = new Map<string, number>();
  return (socket) => {
    const from = clientOf(socket);
    const count = (open.get(from) ?? 0) + 1;
    if (count > most) return void socket.destroy();
    open.set(from, count);
    socket.once('close', () => {
      const left = (open.get(from) ?? 1) - 1;
      if (left === 0) open.delete(from);
      else open.set(from, left);
    });
  };
}

/** IPv4 in IPv6 is IPv4. */
export const clientOf = ({ remoteAddress = '' }: Socket): string =>
  remoteAddress.replace(/^::ffff:(?=\d+\.)/, '');
