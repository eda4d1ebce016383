import { describeError, OperationalError } from '../base/errors.ts';

/**
 * Requests to servers that packages come from. A server may answer with anything at any pace: what is read is bounded in octets and in
 * time, redirects lead to https only, whatever `allowHttp` says apart, and nothing is decompressed. Node's own rules say which authorities are trusted
 * (`NODE_EXTRA_CA_CERTS` adds some).
 */
export interface FetchOptions {
  /** Octets of the answer's body; more is an error. */
  readonly mostOctets: number;
  readonly signal: AbortSignal;
  readonly method?: 'GET' | 'HEAD' | 'POST' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Which servers may be spoken to without TLS, redirects included; none by default. */
  readonly allowHttp?: (url: URL) => boolean;
}

export interface Fetched {
  readonly status: number;
  readonly headers: Headers;
  readonly octets: Uint8Array;
  /** Where the answer came from in the end. */
  readonly url: URL;
}

const MOST_REDIRECTS = 5;

/** Any answer, whatever its status; a GET or HEAD follows redirects. Throws an OperationalError of code `package_source`. */
export async function fetchOctets(start: URL, options: FetchOptions): Promise<Fetched> {
  let url = start;
  for (let redirects = 0; ; redirects++) {
    checkProtocol(url, { start, options });
    const response = await request(url, { start, options });
    const target = response.headers.get('location');
    const isRedirect = [301, 302, 303, 307, 308].includes(response.status) && target !== null;
    if (!isRedirect || options.body !== undefined || options.method === 'POST') {
      return {
        status: response.status,
        headers: response.headers,
        octets: await bodyOf(response, { url, options }),
        url,
      };
    }
    await response.body?.cancel();
    if (redirects === MOST_REDIRECTS)
      throw cannot(start, `it leads to more than ${MOST_REDIRECTS} redirects`);
    if (!URL.canParse(target, url.href)) throw cannot(url, 'it leads to something that is no URL');
    url = new URL(target, url);
  }
}

/** An error about a URL, of which only what is no secret is shown: neither its credentials nor its query. */
export const cannot = (url: URL, why: string): OperationalError =>
  new OperationalError('package_source', `Cannot fetch ${shownUrl(url)}: ${why}`);

/** Scheme, host, port and path. */
export const shownUrl = (url: URL): string => `${url.protocol}//${url.host}${url.pathname}`;

function checkProtocol(url: URL, { start, options }: { start: URL; options: FetchOptions }): void {
  if (url.protocol === 'https:' || (url.protocol === 'http:' && options.allowHttp?.(url) === true)) return;
  const what = url === start ? 'found' : `it leads to ${shownUrl(url)},`;
  throw cannot(start, `${what} ${url.protocol}//, only https:// is allowed`);
}

async function request(
  url: URL,
  { start, options }: { start: URL; options: FetchOptions },
): Promise<Response> {
  if (url.username !== '' || url.password !== '') throw cannot(url, 'credentials in a URL are not allowed');
  const headers = new Headers({ ...options.headers, 'accept-encoding': 'identity' });
  // Whoever is led to gets no credentials that were meant for another.
  if (url.origin !== start.origin) headers.delete('authorization');
  try {
    return await fetch(url, {
      method: options.method ?? 'GET',
      headers,
      redirect: 'manual',
      signal: options.signal,
      ...(options.body && { body: new Uint8Array(options.body) }),
    });
  } catch (error) {
    throw cannot(url, causeOf(error, options.signal));
  }
}

async function bodyOf(
  response: Response,
  { url, options }: { url: URL; options: FetchOptions },
): Promise<Uint8Array> {
  const encoding = response.headers.get('content-encoding') ?? 'identity';
  const announced = Number(response.headers.get('content-length') ?? 0);
  const tooLarge = `it has more than the ${options.mostOctets} octets that are allowed`;
  const fault =
    encoding.toLowerCase() !== 'identity'
      ? `it came with the encoding ${JSON.stringify(encoding.slice(0, 40))}, which was not asked for`
      : options.method !== 'HEAD' && announced > options.mostOctets
        ? tooLarge
        : undefined;
  if (fault !== undefined) {
    await response.body?.cancel();
    throw cannot(url, fault);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of response.body ?? []) {
      length += chunk.length;
      if (length > options.mostOctets) break;
      chunks.push(chunk);
    }
  } catch (error) {
    throw cannot(url, causeOf(error, options.signal));
  }
  if (length > options.mostOctets) throw cannot(url, tooLarge);
  return Buffer.concat(chunks);
}

function causeOf(error: unknown, signal: AbortSignal): string {
  return signal.aborted ? 'it took too long' : describeError(error);
}
