import { getServers } from 'node:dns';
import { parseAddressPort } from '../../base/address-port.ts';
import { describeError } from '../../base/errors.ts';
import { TimeLimitError, withTimeLimit } from '../../base/time-limit.ts';
import { AnswerCache } from './answer-cache.ts';
import { exchange, type DnsServer } from './dns-exchange.ts';
import type { DnsQuestion, DnsRecord } from './dns-message.ts';

/**
 * Postern's stub resolver, for all capabilities that look names up: recursion is the servers' (config `resolver`, the system's if it names
 * none). Each server is asked in turn, twice; what it answers is kept for as long as it holds, negative answers too (RFC 2308), and failures for a few seconds (RFC 9520), so that a zone
 * that is out of order is not asked for each message. A question that is being
 * asked is not asked a second time. That a name or a record does not exist is an answer.
 */
export interface Resolver {
  /** Never rejects. A signal that is aborted ends the waiting, and the question if nobody else waits. */
  resolve(question: DnsQuestion, options: { signal: AbortSignal }): Promise<DnsAnswer>;
}

export type DnsAnswer =
  /** `ttl` is in seconds, of what is left. */
  | { readonly kind: 'found'; readonly records: readonly DnsRecord[]; readonly ttl: number }
  /** The name exists without records of this type. */
  | { readonly kind: 'nodata'; readonly ttl: number }
  | { readonly kind: 'nxdomain'; readonly ttl: number }
  /** No server had an answer: SERVFAIL, no reply in time. */
  | { readonly kind: 'failed'; readonly cause: string };

export interface ResolverOptions {
  /** Absent: those of the system. */
  readonly servers?: readonly DnsServer[];
  /** For one server to answer once. */
  readonly timeoutMs: number;
}

export const DEFAULT_RESOLVER: ResolverOptions = { timeoutMs: 2000 };

const ROUNDS = 2;
const LONGEST_TTL = 24 * 60 * 60;
/** RFC 2308 section 5 recommends one to three hours. */
const LONGEST_NEGATIVE_TTL = 3 * 60 * 60;
/** RFC 9520 section 3.2. */
const FAILURE_TTL = 5;
const NXDOMAIN = 3;
const RCODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

export function createResolver(options: ResolverOptions): Resolver {
  const { timeoutMs, servers = systemServers() } = options;
  const cache = new AnswerCache<DnsAnswer>();
  const asking = new Map<string, Asking>();

  const ask = (key: string, question: DnsQuestion): Asking => {
    const abort = new AbortController();
    const answer = askServers(question, { servers, timeoutMs, signal: abort.signal }).then((said) => {
      if (asking.get(key) === begun) asking.delete(key);
      if (!abort.signal.aborted)
        cache.put(key, { answer: said, ttl: said.kind === 'failed' ? FAILURE_TTL : said.ttl });
      return said;
    });
    const begun: Asking = { answer, abort, waiting: 0 };
    asking.set(key, begun);
    return begun;
  };

  return {
    async resolve(question, { signal }) {
      if (signal.aborted) return ENDED;
      const key = `${question.type} ${question.name}`;
      const kept = cache.get(key);
      if (kept !== undefined)
        return kept.answer.kind === 'failed' ? kept.answer : { ...kept.answer, ttl: kept.ttl };
      const begun = asking.get(key) ?? ask(key, question);
      begun.waiting += 1;
      let onAbort: (() => void) | undefined;
      const aborted = new Promise<DnsAnswer>((resolve) => {
        onAbort = () => resolve(ENDED);
        signal.addEventListener('abort', onAbort);
      });
      try {
        return await Promise.race([begun.answer, aborted]);
      } finally {
        signal.removeEventListener('abort', onAbort!);
        begun.waiting -= 1;
        if (begun.waiting === 0) {
          if (asking.get(key) === begun) asking.delete(key);
          begun.abort.abort();
        }
      }
    },
  };
}

/** One question under way, and how many wait for it. */
interface Asking {
  readonly answer: Promise<DnsAnswer>;
  readonly abort: AbortController;
  waiting: number;
}

const ENDED: DnsAnswer = { kind: 'failed', cause: 'there was no answer in time' };

async function askServers(
  question: DnsQuestion,
  { servers, timeoutMs, signal }: { servers: readonly DnsServer[]; timeoutMs: number; signal: AbortSignal },
): Promise<DnsAnswer> {
  let cause = 'there is no server to ask';
  for (let round = 0; round < ROUNDS; round++) {
    for (const server of servers) {
      const where = `${server.address} port ${server.port}`;
      try {
        const reply = await withTimeLimit({ ms: timeoutMs, signal }, (limit) =>
          exchange(server, { question, signal: limit }),
        );
        const { rcode, records } = reply;
        if (rcode === 0 && records.length > 0)
          return { kind: 'found', records, ttl: Math.min(reply.ttl, LONGEST_TTL) };
        const ttl = Math.min(reply.ttl, LONGEST_NEGATIVE_TTL);
        if (rcode === 0) return { kind: 'nodata', ttl };
        if (rcode === NXDOMAIN) return { kind: 'nxdomain', ttl };
        cause = `${where} answered ${RCODES[rcode] ?? `with code ${rcode}`}`;
      } catch (thrown) {
        if (signal.aborted) return ENDED;
        cause =
          thrown instanceof TimeLimitError
            ? `${where} did not answer within ${timeoutMs} ms`
            : `${where} could not be asked: ${describeError(thrown)}`;
      }
    }
  }
  return { kind: 'failed', cause };
}

const systemServers = (): DnsServer[] =>
  getServers().flatMap((text) => parseAddressPort(text, { port: 53 }) ?? []);
