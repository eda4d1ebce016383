import { request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import type { SecureContext } from 'node:tls';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { urlToHttpOptions } from 'node:url';
import { describeError } from '../../base/errors.ts';
import type { CapabilityAnswer } from '../../ocp/capability.ts';
import type { Content } from './content.ts';
import { UnreachableAddress } from './http-address.ts';
import type { Fields } from './http-fields.ts';
import { answered, refused } from './request.ts';

export interface Exchange {
  readonly method: string;
  readonly url: URL;
  readonly fields: Fields;
  readonly body: Content;
  /** Whether the body has as many octets as it says; else it goes out in chunks. */
  readonly isSized: boolean;
  readonly lookup: LookupFunction;
  /** For https. */
  readonly trust: SecureContext | undefined;
  readonly timeoutMs: number;
  readonly responseBytes: number;
  readonly signal: AbortSignal;
}

/**
 * One request and its response, on a connection of their own: RFC 9112. A redirect is a response like any other. A body that is shorter
 * than it was said to be is no response.
 */
export async function exchange(asked: Exchange): Promise<CapabilityAnswer> {
  const { signal, timeoutMs } = asked;
  let request: ClientRequest | undefined;
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  try {
    return await new Promise<CapabilityAnswer>((resolve, reject) => {
      onAbort = () => reject(new Error('nobody waits for the response any more'));
      signal.addEventListener('abort', onAbort);
      if (signal.aborted) return onAbort();
      const late = new Error(`there was no whole response within ${timeoutMs} ms`);
      timer = setTimeout(() => reject(late), timeoutMs);
      let hasResponse = false;
      request = begin(asked);
      request.once('response', (response) => {
        hasResponse = true;
        read(response, asked).then(resolve, reject);
      });
      // Also what comes after the end of all this: nothing else would take it.
      request.on('error', reject);
      request.once('close', () => {
        if (!hasResponse) reject(new Error('the connection ended without a response'));
      });
      // A server may answer before it has heard all, and hear no more.
      write(asked.body, request).catch((error: unknown) => {
        if (!hasResponse) reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
  } catch (thrown) {
    if (thrown instanceof UnreachableAddress) return refused('DENIED', thrown.message);
    return refused('UNAVAILABLE', describeError(thrown));
  } finally {
    clearTimeout(timer);
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    request?.destroy();
  }
}

function begin({ method, url, fields, body, isSized, lookup, trust }: Exchange): ClientRequest {
  const hasBody = body.encodedSize > 0 || method === 'POST' || method === 'PUT' || method === 'PATCH';
  const options = {
    ...urlToHttpOptions(url),
    method,
    headers: {
      ...fields,
      ...(hasBody && (isSized ? { 'Content-Length': body.encodedSize } : { 'Transfer-Encoding': 'chunked' })),
    },
    lookup,
    agent: false,
  };
  return url.protocol === 'https:'
    ? requestHttps({ ...options, ...(trust && { secureContext: trust }) })
    : requestHttp(options);
}

/** No faster than the server takes it: a message may be large. */
async function write(body: Content, request: ClientRequest): Promise<void> {
  if (body.encodedSize === 0) return void request.end();
  await pipeline(Readable.from(body.octets(), { objectMode: false }), request);
}

async function read(
  response: IncomingMessage,
  { method, responseBytes }: Exchange,
): Promise<CapabilityAnswer> {
  const tooLong = refused('LIMIT', `the response's body has more than ${responseBytes} octets`);
  const said = Number(response.headers['content-length'] ?? 0);
  if (said > responseBytes && method !== 'HEAD') return tooLong;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!(chunk instanceof Uint8Array)) continue;
    size += chunk.length;
    if (size > responseBytes) return tooLong;
    chunks.push(chunk);
  }
  const headers = Object.fromEntries(
    Object.entries(response.headersDistinct).map(([name, values = []]) => [name, values.join(', ')]),
  );
  return answered({ status: response.statusCode, headers }, Buffer.concat(chunks, size));
}
