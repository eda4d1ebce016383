import { z } from 'zod';
import { OperationalError } from '../base/errors.ts';
import { cannot, fetchOctets, shownUrl, type Fetched, type FetchOptions } from './fetch-octets.ts';
import { credentialsFor } from './oci-credentials.ts';
import { isLoopback } from '../base/loopback.ts';
import type { OciReference } from './oci-reference.ts';

/**
 * Requests to one repository of a registry, by the OCI distribution specification 1.1. A registry that asks for it is logged in to: with
 * a token (anonymous, or by name and password), or with name and password.
 *
 * A registry can lead anywhere, by a redirect, the location of an upload or the realm of its tokens: to https everywhere; without TLS,
 * only to itself if it is spoken to so, and from one on this machine to others on this machine. Credentials go to the
 * registry that they are kept for and to the server of tokens that it names itself, and what they get only to the registry.
 */
export class Registry {
  readonly #base: URL;
  readonly #reference: OciReference;
  readonly #options: RegistryOptions;
  #authorization: string | undefined;

  constructor(reference: OciReference, options: RegistryOptions) {
    const isPlain = options.plainHttp === true || isLoopback(reference.registry);
    this.#base = new URL(`${isPlain ? 'http' : 'https'}://${reference.registry}/v2/${reference.repository}/`);
    this.#reference = reference;
    this.#options = options;
  }

  /** `where` is a path below the repository, or what the registry gave as a location. Any status; never 401. */
  async request(where: string, options: Omit<FetchOptions, 'signal' | 'allowHttp'>): Promise<Fetched> {
    if (!URL.canParse(where, this.#base.href)) throw cannot(this.#base, 'it names a location that is no URL');
    const url = new URL(where, this.#base);
    const answer = await this.#ask(url, options);
    if (answer.status !== 401) return answer;
    // Whoever the registry led to is not the one that the credentials are for.
    if (answer.url.origin !== this.#base.origin)
      throw cannot(url, `it leads to ${shownUrl(answer.url)}, which asks for a login of its own`);
    this.#authorization = await this.#logIn(answer);
    const again = await this.#ask(url, options);
    if (again.status === 401) throw cannot(url, 'the registry takes no such credentials');
    return again;
  }

  #ask(url: URL, options: Omit<FetchOptions, 'signal' | 'allowHttp'>): Promise<Fetched> {
    const isOwn = url.origin === this.#base.origin;
    return fetchOctets(url, {
      ...options,
      headers: {
        ...options.headers,
        ...(isOwn && this.#authorization !== undefined && { authorization: this.#authorization }),
      },
      ...this.#transport,
    });
  }

  get #transport(): Pick<FetchOptions, 'signal' | 'allowHttp'> {
    const { protocol, host } = this.#base;
    const allowHttp = (url: URL): boolean =>
      protocol === 'http:' && (url.host === host || (isLoopback(host) && isLoopback(url.host)));
    return { signal: this.#options.signal, allowHttp };
  }

  /** What to send as Authorization (RFC 6750, RFC 7617, and the token protocol of the Distribution project). */
  async #logIn({ headers, url }: Fetched): Promise<string> {
    const challenge = headers.get('www-authenticate') ?? '';
    const credentials = await credentialsFor(this.#reference.registry);
    const basic =
      credentials && `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`;
    if (/^basic\b/i.test(challenge)) {
      if (basic !== undefined) return basic;
      throw cannot(url, 'the registry asks for a login; docker login keeps one in ~/.docker/config.json');
    }
    const realm = parameterOf(challenge, 'realm');
    if (!/^bearer\b/i.test(challenge) || realm === undefined || !URL.canParse(realm))
      throw cannot(url, 'the registry asks for a login of a kind that is not known');
    const tokens = new URL(realm);
    const service = parameterOf(challenge, 'service');
    if (service !== undefined) tokens.searchParams.set('service', service);
    const scope = `repository:${this.#reference.repository}:${this.#options.actions}`;
    tokens.searchParams.set('scope', scope);
    const { status, octets } = await fetchOctets(tokens, {
      mostOctets: TOKEN_SIZE_LIMIT,
      ...(basic !== undefined && { headers: { authorization: basic } }),
      ...this.#transport,
    });
    if (status !== 200) throw cannot(tokens, `the server said ${status}, no token for ${scope}`);
    const token = tokenIn(octets);
    if (token === undefined) throw cannot(tokens, 'what the server said is no token');
    return `Bearer ${token}`;
  }
}

export interface RegistryOptions {
  /** Speak to this very registry without TLS; one on this machine always is. */
  readonly plainHttp?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly actions: 'pull' | 'pull,push';
}

/** The error for an answer that is not what was asked for, with the code that registries give in a form of their own. */
export function refusal({ status, octets, url }: Fetched): OperationalError {
  const [, code] = /"code"\s*:\s*"([A-Z_]{1,40})"/.exec(Buffer.from(octets).toString()) ?? [];
  const why = `the registry said ${status}${code === undefined ? '' : ` (${code})`}`;
  if (status !== 404) return cannot(url, why);
  return new OperationalError('package_not_found', `Cannot fetch ${shownUrl(url)}: ${why}`);
}

const TOKEN_SIZE_LIMIT = 64 * 1024;

/** The distribution project's name for it, and OAuth's. */
const tokenSchema = z.object({ token: z.string().optional(), access_token: z.string().optional() });

function tokenIn(octets: Uint8Array): string | undefined {
  try {
    const { token, access_token } = tokenSchema.parse(JSON.parse(Buffer.from(octets).toString()));
    const found = token ?? access_token;
    // It goes into a header field.
    return found !== undefined && /^[\w.~+/=-]+$/.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

const parameterOf = (challenge: string, name: string): string | undefined =>
  new RegExp(`[ ,]${name}="([^"]*)"`, 'i').exec(challenge)?.[1];
