import { isIP } from 'node:net';

/** Whether a host, perhaps with a port, as URLs have them, is this very machine, where nobody else hears what is said without TLS. */
export function isLoopback(authority: string): boolean {
  const { hostname } = new URL(`http://${authority}`);
  if (hostname === 'localhost' || hostname === '[::1]') return true;
  return isIP(hostname) === 4 && hostname.startsWith('127.');
}
