import { createHash, createHmac } from 'node:crypto';

/** AWS Signature Version 4: how a request to an S3-compatible store shows whose it is, in a header or in its URL. */
export interface SigningKey {
  readonly accessKeyId: string;
  readonly secret: string;
  readonly region: string;
  /** `s3`. */
  readonly service: string;
}

export interface UnsignedRequest {
  readonly method: string;
  /** As it stands in the request: percent-encoded (`encodePath`). */
  readonly path: string;
  /** Decoded. */
  readonly query: Readonly<Record<string, string>>;
  /** Those that are signed, with `host`: names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hexadecimal digits, or `UNSIGNED-PAYLOAD`. */
  readonly payload: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** The value of `Authorization`. `x-amz-date` (`amzDate`) must be among the headers. */
export function authorization(request: UnsignedRequest, key: SigningKey): string {
  const names = signedNames(request);
  return `${ALGORITHM} Credential=${credential(request, key)}, SignedHeaders=${names}, Signature=${signature(request, key)}`;
}

/** The query of a URL that is good for `seconds`; nothing else than the URL is needed then. */
export function presignedQuery(
  request: UnsignedRequest,
  { key, seconds }: { key: SigningKey; seconds: number },
): string {
  const query = {
    ...request.query,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': credential(request, key),
    'X-Amz-Date': amzDate(request.now),
    'X-Amz-Expires': String(seconds),
    'X-Amz-SignedHeaders': signedNames(request),
  };
  return `${canonicalQuery(query)}&X-Amz-Signature=${signature({ ...request, query }, key)}`;
}

/** `20150830T123600Z`. */
export const amzDate = (now: number): string => new Date(now).toISOString().replaceAll(/[-:]|\.\d+/g, '');

/** The path of an object. */
export const encodePath = (path: string): string => path.split('/').map(encode).join('/');

function signature(request: UnsignedRequest, { secret, region, service }: SigningKey): string {
  const canonical = [
    request.method,
    request.path,
    canonicalQuery(request.query),
    ...sortedHeaders(request).map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, ' ')}`),
    '',
    signedNames(request),
    request.payload,
  ].join('\n');
  const date = amzDate(request.now);
  const day = date.slice(0, 8);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = [ALGORITHM, date, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const derived = [day, region, service, 'aws4_request'].reduce<Buffer | string>(hmac, `AWS4${secret}`);
  return hmac(derived, text).toString('hex');
}

const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest();

const credential = ({ now }: UnsignedRequest, { accessKeyId, region, service }: SigningKey): string =>
  `${accessKeyId}/${amzDate(now).slice(0, 8)}/${region}/${service}/aws4_request`;

const sortedHeaders = ({ headers }: UnsignedRequest): [string, string][] => sorted(Object.entries(headers));

const signedNames = (request: UnsignedRequest): string =>
  sortedHeaders(request)
    .map(([name]) => name)
    .join(';');

const canonicalQuery = (query: UnsignedRequest['query']): string =>
  sorted(Object.entries(query).map(([name, value]): [string, string] => [encode(name), encode(value)]))
    .map((pair) => pair.join('='))
    .join('&');

/** By code point, not by what a language has for alphabet. */
const sorted = (pairs: [string, string][]): [string, string][] =>
  pairs.sort(([one], [other]) => (one < other ? -1 : Number(one > other)));

/** All but the unreserved characters of RFC 3986 section 2.3. */
const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
