import { isIP, isIPv4 } from 'node:net';
import type { Finding } from './issues.ts';
import { entriesOf, type RawEntry } from './raw.ts';

/**
 * What must hold between the addresses of the file: no port taken twice, and no downstream that is one of the
 * listeners, since mail would go round through it until the disk is full.
 */
export function addressFindings(root: unknown): Finding[] {
  const listeners = entriesOf(root, 'listeners').flatMap(endpointOf);
  return [...conflicts(listeners), ...loops(listeners, entriesOf(root, 'downstreams'))];
}

interface Endpoint {
  readonly name: string;
  readonly address: string;
  readonly port: number;
}

function endpointOf({ name, value }: RawEntry): Endpoint[] {
  const { address = '127.0.0.1', port } = value;
  // Port 0 is any free port, never the same twice.
  if (typeof address !== 'string' || isIP(address) === 0 || typeof port !== 'number' || port === 0) return [];
  return [{ name, address: canonical(address), port }];
}

function conflicts(listeners: readonly Endpoint[]): Finding[] {
  return listeners.flatMap((listener, i): Finding[] => {
    const other = listeners
      .slice(0, i)
      .find((earlier) => earlier.port === listener.port && overlap(earlier, listener));
    if (other === undefined) return [];
    const message = `found ${listener.port}, must be free: listener "${other.name}" has ${other.address} port ${other.port}`;
    return [{ path: ['listeners', listener.name, 'port'], at: 'value', message }];
  });
}

function loops(listeners: readonly Endpoint[], downstreams: readonly RawEntry[]): Finding[] {
  return downstreams.flatMap(({ path, value: { host, port } }): Finding[] => {
    if (typeof host !== 'string' || typeof port !== 'number') return [];
    const own = listeners.find((listener) => listener.port === port && reaches(host, listener.address));
    if (own === undefined) return [];
    const message = `found ${port}, must be another server: this is our own listener "${own.name}"`;
    return [{ path: [...path, 'port'], at: 'value', message }];
  });
}

function overlap(a: Endpoint, b: Endpoint): boolean {
  return a.address === b.address || covers(a.address, b.address) || covers(b.address, a.address);
}

// A listener on `::` takes IPv4 connections too, as Node opens it.
const covers = (wildcard: string, address: string): boolean =>
  wildcard === '::' || (wildcard === '0.0.0.0' && isIPv4(address));

// Only what is certain: a name other than localhost may be any machine, and so may an address on a wildcard listener.
function reaches(host: string, address: string): boolean {
  const loopback = host.toLowerCase() === 'localhost' ? ['127.0.0.1', '::1'] : [canonical(host)];
  return loopback.some(
    (own) => own === address || ((own.startsWith('127.') || own === '::1') && covers(address, own)),
  );
}

// One spelling for each address: `0:0::1` is `::1`.
function canonical(address: string): string {
  return isIP(address) === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address;
}
