import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { lstat, rm } from 'node:fs/promises';
import { describeError, OperationalError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { closeServer } from './close-server.ts';
import type { ReloadAnswer, ServicesAnswer } from './answers.ts';

/**
 * The control socket: how commands reach the running server. HTTP/1.1 over a Unix socket that only its owner may open
 * (0600): there is no login beside that, and nothing of it is on the network.
 *
 *     POST /reload     reads the config again, as SIGHUP does; answers when that is done
 *     GET /services    what each service is and has done
 *
 * A request has no body. Answers are JSON (`answers.ts`); what could not be answered has a status other than 200 and says why.
 *
 * The caller holds the lock of the state directory, so a socket that is found there is one that a killed server left: it is
 * replaced. Limits: 16 connections, 8 KiB of header, 10 s for a request to arrive, one request a connection.
 */
export interface ControlHandlers {
  reload(): Promise<ReloadAnswer>;
  services(): ServicesAnswer | Promise<ServicesAnswer>;
}

export interface Control {
  /** Takes no more requests, and gives those under way at most `deadlineMs` to be answered. The socket is gone then. */
  close(deadlineMs: number): Promise<void>;
}

const MOST_CONNECTIONS = 16;
const REQUEST_MS = 10_000;
const HEADER_OCTETS = 8 * 1024;
/** `sun_path` of unix(7), without the NUL at its end. A longer one would be cut, and name something else. */
const LONGEST_PATH = 107;

/** What is wrong with a path for a socket: it is too long for the system; undefined if nothing is. */
export function socketPathProblem(path: string): string | undefined {
  const octets = Buffer.byteLength(path);
  if (octets <= LONGEST_PATH) return undefined;
  return `the path of the socket ${path} has ${octets} octets, and the system takes at most ${LONGEST_PATH}`;
}

/** Opens the socket. Throws an OperationalError `control_unavailable` if it can't be opened. */
export async function startControl(options: {
  readonly path: string;
  readonly handlers: ControlHandlers;
  readonly log: Log;
}): Promise<Control> {
  const { path, handlers, log } = options;
  const routes = routesOf(handlers);
  const server = createServer(
    {
      maxHeaderSize: HEADER_OCTETS,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      // How often Node looks whether one of these has passed; by default every 30 s.
      connectionsCheckingInterval: 1000,
    },
    (request, response) => void serve({ request, response }, { routes, log }),
  );
  server.maxConnections = MOST_CONNECTIONS;
  try {
    const tooLong = socketPathProblem(path);
    if (tooLong !== undefined) throw new Error(tooLong);
    await removeStale(path);
    await listen(server, path);
  } catch (error) {
    throw new OperationalError(
      'control_unavailable',
      `Cannot open the control socket ${path}: ${describeError(error)}`,
      { cause: error },
    );
  }
  return { close: (deadlineMs) => closeServer(server, deadlineMs) };
}

async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error('something else is there; move it away');
  await rm(path, { force: true });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    // Node makes the socket before `listen` returns, so there is no moment at which others may open it.
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

interface Route {
  readonly method: 'GET' | 'POST';
  readonly answer: () => object | Promise<object>;
}

const routesOf = (handlers: ControlHandlers): ReadonlyMap<string, Route> =>
  new Map<string, Route>([
    ['/reload', { method: 'POST', answer: () => handlers.reload() }],
    ['/services', { method: 'GET', answer: () => handlers.services() }],
  ]);

async function serve(
  { request, response }: Exchange,
  { routes, log }: { routes: ReadonlyMap<string, Route>; log: Log },
): Promise<void> {
  const route = routes.get(request.url ?? '');
  if (route === undefined) return say(response, 404, { error: `there is no ${request.url}` });
  if (request.method !== route.method) {
    response.setHeader('allow', route.method);
    return say(response, 405, { error: `${request.url} takes ${route.method}` });
  }
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers;
  if (length !== '0' || encoding !== undefined) return say(response, 413, { error: 'it takes no body' });
  try {
    say(response, 200, await route.answer());
  } catch (error) {
    const cause = describeError(error);
    log.error({ request: `${request.method} ${request.url}`, cause }, 'a control request failed');
    say(response, 500, { error: cause });
  }
}

function say(response: ServerResponse, status: number, body: object): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    // One request a connection, so that a close waits for answers and for nothing else.
    connection: 'close',
  });
  response.end(text);
}
