import { readFile } from 'node:fs/promises';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { attachmentDisposition } from '../base/content-disposition.ts';
import { describeError, OperationalError } from '../base/errors.ts';
import { withTimeLimit } from '../base/time-limit.ts';
import type { RemoteBlobs } from '../ocp/blob.ts';
import type { BlobStore } from '../ocp/capability.ts';
import { amzDate, authorization, encodePath, presignedQuery, type SigningKey } from './s3-signature.ts';

/**
 * Files in a store that speaks the protocol of Amazon S3: PUT and DELETE of an object, and URLs that are good for a time (presigned GET). The
 * hash of the content is part of each signature, so the store takes what was meant or nothing. A connection a request; a redirect is a refusal.
 *
 * The object's type, and that it is an attachment, are put with it: who has the link can't have it shown as anything else, and the link stays
 * short enough for a line of mail (998 octets) whatever the file's name is.
 */
interface Sent {
  readonly method: 'PUT' | 'DELETE';
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly sha256: string;
  readonly octets: () => AsyncIterable<Uint8Array>;
  readonly signal: AbortSignal;
}

/** What a presigned URL can be good for. */
const LONGEST_MS = 7 * 24 * 60 * 60 * 1000;
/** Octets of what a store says of an error. */
const EXPLANATION_LIMIT = 4096;
const SHA256_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

export function s3Blobs(store: BlobStore): RemoteBlobs {
  const { name, timeoutMs } = store;
  const endpoint = endpointOf(store);

  async function send({ method, id, headers, sha256, octets, signal }: Sent): Promise<void> {
    const now = Date.now();
    const path = pathOf(store, id);
    const signed = {
      ...headers,
      host: endpoint.host,
      'x-amz-content-sha256': sha256,
      'x-amz-date': amzDate(now),
    };
    const key = await keyOf(store);
    const unsigned = { method, path, query: {}, headers: signed, payload: sha256, now };
    const begin = endpoint.protocol === 'https:' ? requestHttps : requestHttp;
    const request = begin(new URL(path, endpoint), {
      method,
      headers: { ...signed, authorization: authorization(unsigned, key) },
      agent: false,
      signal,
    });
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve);
        // Also what comes after the end of all this: nothing else would take it.
        request.on('error', reject);
        // A store may refuse before it has heard all, and hear no more: then its response says more than the broken connection.
        pipeline(Readable.from(octets()), request).catch((error: unknown) => {
          setTimeout(() => reject(error instanceof Error ? error : new Error(String(error))), REFUSAL_MS);
        });
      });
      const explanation = await beginningOf(response);
      const status = response.statusCode!;
      const isDone = status === 200 || status === 204 || (status === 404 && method === 'DELETE');
      if (!isDone) throw new Error(`it answered ${status}${codeIn(explanation)}`);
    } finally {
      request.destroy();
    }
  }

  async function sent(wanted: Sent): Promise<void> {
    try {
      const { signal } = wanted;
      await withTimeLimit({ ms: timeoutMs, signal }, (limit) => send({ ...wanted, signal: limit }));
    } catch (error) {
      const verb = wanted.method === 'PUT' ? 'put' : 'remove';
      throw unavailable(`Cannot ${verb} ${wanted.id} in the store ${name}: ${describeError(error)}`);
    }
  }

  return {
    name,
    longestMs: LONGEST_MS,
    write: (id, { octets, size, sha256, name: file, type, signal }) =>
      sent({
        method: 'PUT',
        id,
        headers: {
          'cache-control': 'private, no-store',
          'content-disposition': attachmentDisposition(file),
          'content-length': String(size),
          'content-type': type,
        },
        sha256,
        octets,
        signal,
      }),
    remove: (id, signal) =>
      sent({ method: 'DELETE', id, headers: {}, sha256: SHA256_OF_NOTHING, octets: nothing, signal }),
    async link(id, { now, expiresAt }) {
      const path = pathOf(store, id);
      const headers = { host: endpoint.host };
      const request = { method: 'GET', path, query: {}, headers, payload: 'UNSIGNED-PAYLOAD', now };
      const seconds = Math.floor((expiresAt - now) / 1000);
      return `${endpoint.origin}${path}?${presignedQuery(request, { key: await keyOf(store), seconds })}`;
    },
  };
}

/** How long a refusal may take to come after the store has ended the connection for what is sent. */
const REFUSAL_MS = 200;

function endpointOf({ endpoint, bucket, pathStyle }: BlobStore): URL {
  const url = new URL(endpoint);
  if (!pathStyle) url.host = `${bucket}.${url.host}`;
  return url;
}

const pathOf = ({ bucket, prefix, pathStyle }: BlobStore, id: string): string =>
  encodePath(`${pathStyle ? `/${bucket}` : ''}/${prefix}${id}`);

async function keyOf({ name, accessKeyId, region, secretKeyFile }: BlobStore): Promise<SigningKey> {
  let secret: string;
  try {
    secret = (await readFile(secretKeyFile, 'utf8')).trim();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw unavailable(`Cannot read the secret key of the store ${name} from ${secretKeyFile}: ${code}`);
  }
  if (secret === '')
    throw unavailable(`Cannot use the secret key of the store ${name}: ${secretKeyFile} is empty`);
  return { accessKeyId, secret, region, service: 's3' };
}

async function beginningOf(response: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of response as AsyncIterable<Buffer>) {
    text += piece.toString('latin1');
    if (text.length > EXPLANATION_LIMIT) break;
  }
  return text;
}

function codeIn(explanation: string): string {
  const code = /<Code>(\w{1,100})<\/Code>/.exec(explanation)?.[1];
  return code === undefined ? '' : ` ${code}`;
}

// oxlint-disable-next-line eslint/no-empty-function -- this is what it gives
async function* nothing(): AsyncIterable<Uint8Array> {}

const unavailable = (message: string): OperationalError => new OperationalError('blobs_unavailable', message);
