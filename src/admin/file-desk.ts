import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { parseHash, passwordMatcher } from '../base/password-hash.ts';
import { Rate } from '../base/rate.ts';
import { withTimeLimit } from '../base/time-limit.ts';
import type { ServedBlob, ServedBlobs } from '../ocp/blob.ts';
import { networkList } from '../ocp/when.ts';
import { clientOf } from './client-limit.ts';
import { fileAnswer } from './file-answer.ts';
import { filePage, messagePage, PAGE_HEADERS } from './file-page.ts';

export interface DeskOptions {
  /** A path in it may or may not be there in requests: what stands before this server may take it away. */
  readonly publicUrl: string;
  readonly requestsPerMinute: number;
  readonly blobs: ServedBlobs;
  readonly log: Log;
}

/** For a request to come, and for its answer besides the file. */
export const REQUEST_MS = 10_000;
const BODY_OCTETS = 4 * 1024;
const SLOWEST_OCTETS_PER_SECOND = 4 * 1024;
const GUESSES_PER_MINUTE = 10;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** How one exchange ended, for the log. */
interface Ended {
  readonly status: number;
  readonly blob?: ServedBlob;
  /** Octets of the file that were sent. */
  readonly octets?: number;
}

/** Answers requests for files, as `web.ts` says. */
export class FileDesk {
  readonly #options: DeskOptions;
  readonly #path: RegExp;
  readonly #requests = new Rate();
  readonly #guesses = new Rate();
  readonly #matches = passwordMatcher();

  constructor(options: DeskOptions) {
    this.#options = options;
    const before = new URL(options.publicUrl).pathname.replace(/\/$/, '');
    this.#path = new RegExp(
      `^(?:${before.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')})?/blob/([A-Za-z0-9_-]{32})$`,
    );
  }

  async serve(exchange: Exchange): Promise<void> {
    const { request, response } = exchange;
    const client = clientOf(request.socket);
    const { log } = this.#options;
    try {
      const { status, blob, octets } = await this.#answer(exchange, client);
      const fields = { client, method: request.method, status };
      // Whoever reads the log is not to find the URL in it.
      if (blob === undefined) log.debug(fields, 'a web request led nowhere');
      else
        log.info({ ...fields, service: blob.service, blob: blob.id, octets: octets ?? 0 }, 'a web request');
    } catch (error) {
      log.warn(
        { client, method: request.method, cause: describeError(error) },
        'a web request was not served',
      );
      if (response.headersSent) response.destroy();
      else say(exchange, { status: 500, page: messagePage('This does not work now. Try again later.') });
    }
  }

  async #answer(exchange: Exchange, client: string): Promise<Ended> {
    const { request, response } = exchange;
    const { blobs, requestsPerMinute } = this.#options;
    if (!this.#requests.take(client, requestsPerMinute)) {
      response.setHeader('retry-after', '60');
      return say(exchange, { status: 429, page: messagePage('Too many requests. Try again in a minute.') });
    }
    const method = request.method ?? '';
    const token = this.#path.exec(request.url ?? '')?.[1];
    const blob = token === undefined ? undefined : await blobs.find(token);
    if (token === undefined || blob === undefined) {
      return say(exchange, { status: 404, page: messagePage('There is nothing here.') });
    }
    const hasPage = blob.access.password !== undefined || blob.access.confirm === true;
    const methods = hasPage ? ['GET', 'HEAD', 'POST'] : ['GET', 'HEAD'];
    if (!methods.includes(method)) {
      response.setHeader('allow', methods.join(', '));
      return say(exchange, { status: 405, page: messagePage('This is not possible here.'), blob });
    }
    if (blob.isGone || blob.expiresAt <= Date.now() || blob.downloads === 0) return gone(exchange, blob);
    if (blob.access.clients !== undefined && !isWithin(client, blob.access.clients)) {
      return say(exchange, { status: 403, page: messagePage('This file is not for this network.'), blob });
    }
    if (!hasPage) return this.#send(exchange, { blob, token });
    if (method !== 'POST') return say(exchange, { status: 200, page: filePage(blob), blob });
    const fault = await this.#judge(exchange, blob);
    if (fault !== undefined) {
      return say(exchange, { status: fault.status, page: filePage(blob, fault.text), blob });
    }
    return this.#send(exchange, { blob, token });
  }

  /** What is wrong with the form; undefined if nothing is. */
  async #judge(
    { request }: Exchange,
    blob: ServedBlob,
  ): Promise<{ status: number; text: string } | undefined> {
    const form = await formIn(request);
    if (form === undefined) return { status: 413, text: 'That was too long.' };
    const { password } = blob.access;
    if (password === undefined) return undefined;
    const expected = parseHash(password);
    if (typeof expected === 'string') throw new Error(expected);
    if (!this.#guesses.take(blob.id, GUESSES_PER_MINUTE)) {
      return { status: 429, text: 'Too many passwords were tried. Try again in a minute.' };
    }
    const given = form.get('password') ?? '';
    return (await this.#matches(given, expected))
      ? undefined
      : { status: 403, text: 'This is not the password.' };
  }

  async #send(exchange: Exchange, { blob, token }: { blob: ServedBlob; token: string }): Promise<Ended> {
    const { request, response } = exchange;
    const { blobs } = this.#options;
    const { status, headers, range } = fileAnswer(blob, request.headers);
    if (request.method === 'HEAD' || status === 416) {
      response.writeHead(status, headers).end();
      return { status, blob };
    }
    const file = await blobs.open(blob.id);
    if (file === undefined) return gone(exchange, blob);
    try {
      if (!(await blobs.take({ token, now: Date.now() }))) return gone(exchange, blob);
      response.writeHead(status, headers);
      const octets = range.end - range.start;
      const deadlineMs = REQUEST_MS + (octets / SLOWEST_OCTETS_PER_SECOND) * 1000;
      await withTimeLimit({ ms: deadlineMs }, (signal) =>
        pipeline(Readable.from(file.read(range), { objectMode: false }), response, { signal }),
      );
      return { status, blob, octets };
    } finally {
      await file.close();
    }
  }
}

const gone = (exchange: Exchange, blob: ServedBlob): Ended =>
  say(exchange, { status: 410, page: messagePage('This file is no longer here.'), blob });

function isWithin(client: string, networks: readonly string[]): boolean {
  return networkList(networks).check(client, isIPv6(client) ? 'ipv6' : 'ipv4');
}

/** Undefined if it is too long. Its time is the server's `requestTimeout`. */
async function formIn(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  let text = '';
  request.setEncoding('utf8');
  for await (const piece of request) {
    text += String(piece);
    if (text.length > BODY_OCTETS) return undefined;
  }
  return new URLSearchParams(text);
}

function say(
  { request, response }: Exchange,
  { status, page, blob }: { status: number; page: string; blob?: ServedBlob },
): Ended {
  // What is left of a body is not read.
  const isRead = request.complete || (request.headers['content-length'] ?? '0') === '0';
  response.writeHead(status, {
    ...PAGE_HEADERS,
    'content-length': Buffer.byteLength(page),
    ...(!isRead && { connection: 'close' }),
  });
  response.end(request.method === 'HEAD' ? undefined : page);
  return { status, ...(blob && { blob }) };
}
