import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * A port that is free, for a server that is started on it more than once. Below the range from which the system gives
 * ports to outgoing connections: one of these could take it while the server is down.
 */
export async function freePort(): Promise<number> {
  const highest = lowestEphemeral() - 1;
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 10_000 + Math.floor(Math.random() * (highest - 10_000));
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

function lowestEphemeral(): number {
  try {
    return Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0]);
  } catch {
    return 32_768;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
