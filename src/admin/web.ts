import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, Server as TlsServer } from 'node:https';
import { describeError, OperationalError } from '../base/errors.ts';
import { limitEach } from './client-limit.ts';
import { closeServer } from './close-server.ts';
import { FileDesk, REQUEST_MS, type DeskOptions } from './file-desk.ts';

/**
 * The web server for people who got a link in the place of an attachment: HTTP/1.1, with TLS if it has a certificate.
 *
 *     GET, HEAD /blob/TOKEN   the file; or a page with a button, where there is a password or a confirmation is asked for
 *     POST /blob/TOKEN        the file, once the page's form is right: `password=…`
 *
 * 404: nothing is there, the same for every path and token that leads nowhere. 410: it was there, and has expired or been fetched as often
 * as it may be. 403: from here not, or a wrong password. 429: too many requests from one address.
 *
 * A download counts when its file begins to be sent; HEAD and the page count nothing. Limits: connections in all and, a quarter of them, from
 * one address; requests a minute from one address; 10 guesses a minute at the password of one file; 8 KiB of header and 4 KiB of body
 * within 10 s; a client that takes less than 4 KiB a second is cut off.
 */
export interface Web {
  readonly address: string;
  readonly port: number;
  /** Goes by another certificate from the next connection on. */
  renewTls(identity: WebIdentity): void;
  /** Takes no more requests, and gives those under way at most `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/** PEM. */
interface WebIdentity {
  readonly key: string;
  readonly cert: string;
}

export interface WebOptions extends DeskOptions {
  readonly address: string;
  readonly port: number;
  readonly tls?: WebIdentity | undefined;
  readonly connections: number;
}

const HEADER_OCTETS = 8 * 1024;
const KEEP_ALIVE_MS = 5000;

/** Opens it. Throws an OperationalError `web_unavailable` if it can't be opened. */
export async function startWeb(options: WebOptions): Promise<Web> {
  const { address, port, tls, connections } = options;
  const settings = {
    maxHeaderSize: HEADER_OCTETS,
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1000,
  };
  const desk = new FileDesk(options);
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    void desk.serve({ request, response });
  };
  const server =
    tls === undefined
      ? createServer(settings, answer)
      : createTlsServer({ ...settings, ...tls, minVersion: 'TLSv1.2' }, answer);
  server.maxConnections = connections;
  // Before TLS: a handshake that never ends is a connection as well.
  server.on('connection', limitEach(Math.max(1, Math.floor(connections / 4))));
  try {
    await listen(server, { host: address, port });
  } catch (error) {
    throw new OperationalError(
      'web_unavailable',
      `Cannot open the web server at ${address}:${port}: ${describeError(error)}`,
      { cause: error },
    );
  }
  const bound = server.address();
  return {
    address,
    port: bound === null || typeof bound === 'string' ? port : bound.port,
    renewTls(identity) {
      if (server instanceof TlsServer) server.setSecureContext({ ...identity, minVersion: 'TLSv1.2' });
    },
    close: (deadlineMs) => closeServer(server, deadlineMs),
  };
}

function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
