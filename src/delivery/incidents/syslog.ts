import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, isIP, isIPv6, type Socket } from 'node:net';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { IncidentSink } from './sink.ts';
import { syslogMessage } from './syslog-message.ts';

export type SyslogOptions =
  | { readonly protocol: 'udp'; readonly host: string; readonly port: number }
  | { readonly protocol: 'tcp'; readonly host: string; readonly port: number }
  | {
      readonly protocol: 'tls';
      readonly host: string;
      readonly port: number;
      /** PEM file of the authorities that are trusted; absent: those of Node. */
      readonly ca?: string;
    }
  /** A stream socket. */
  | { readonly protocol: 'unix'; readonly path: string };

/**
 * A syslog server: datagrams (RFC 5426), or a stream of messages that each have their length before them (RFC 6587 section 3.4.1, RFC 5425).
 * Each batch has a connection of its own, which ends in good order before the batch counts as taken. Syslog has no
 * replies, so that is all that can be known: a server that dies after that, and any datagram, can be lost.
 */
export function syslogSink(options: SyslogOptions): IncidentSink {
  return {
    name: 'syslog',
    batch: 100,
    deliver(reports, signal) {
      const messages = reports.map(syslogMessage);
      return options.protocol === 'udp'
        ? sendDatagrams(messages, { options, signal })
        : send(messages, { options, signal });
    },
  };
}

/** How long the system may take to hear that nobody listens there. */
const REFUSED_WITHIN_MS = 50;

async function sendDatagrams(
  messages: readonly Buffer[],
  { options, signal }: { options: Extract<SyslogOptions, { protocol: 'udp' }>; signal: AbortSignal },
): Promise<void> {
  const { host, port } = options;
  signal.throwIfAborted();
  const aborted = failure(once(signal, 'abort').then(() => new Error('it took too long')));
  const address = isIP(host) === 0 ? (await Promise.race([lookup(host), aborted])).address : host;
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  // Connected, so that the system tells when nobody listens there: at some time after a datagram was sent.
  const refused = failure(once(socket, 'error').then(([error]: unknown[]) => error));
  const inTime = <T>(work: Promise<T>): Promise<T> => Promise.race([work, refused, aborted]);
  try {
    socket.connect(port, address);
    await inTime(once(socket, 'connect'));
    for (const message of messages) {
      const sent = new Promise<void>((resolve, reject) => {
        socket.send(message, (error) => (error === null ? resolve() : reject(error)));
      });
      await inTime(sent);
    }
    await inTime(sleep(REFUSED_WITHIN_MS));
    // A busy event loop looks at the clock first: what the socket has heard meanwhile comes after that.
    await inTime(setImmediate());
  } finally {
    socket.close();
  }
}

/** Rejects with what comes of it, whether or not anybody still waits for that. */
function failure(cause: Promise<unknown>): Promise<never> {
  const failed = cause.then((thrown) => {
    throw thrown;
  });
  failed.catch(() => {});
  return failed;
}

async function send(
  messages: readonly Buffer[],
  { options, signal }: { options: Exclude<SyslogOptions, { protocol: 'udp' }>; signal: AbortSignal },
): Promise<void> {
  const socket = await open(options);
  const abort = (): void => {
    socket.destroy(new Error('it took too long'));
  };
  signal.addEventListener('abort', abort);
  try {
    const closed = once(socket, 'close');
    for (const message of messages) {
      socket.write(`${message.length} `);
      socket.write(message);
    }
    socket.end();
    // Whatever a server says is read away: else its end of the connection would not be seen.
    socket.resume();
    await closed;
  } finally {
    signal.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function open(options: Exclude<SyslogOptions, { protocol: 'udp' }>): Promise<Socket> {
  if (options.protocol === 'unix') return connect(options.path);
  if (options.protocol === 'tcp') return connect(options.port, options.host);
  const { host, port, ca } = options;
  return connectTls({
    host,
    port,
    ...(isIP(host) === 0 && { servername: host }),
    ...(ca !== undefined && { ca: await readFile(ca, 'utf8') }),
  });
}
