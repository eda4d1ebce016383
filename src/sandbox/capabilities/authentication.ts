import { imageOf, type MessageImage } from '../../mail/image.ts';
import type { SpoolHandle } from '../../base/spool.ts';
import { authorDomain } from '../../mail/author.ts';
import { arcKeyNames, readArcChain, type ArcVerdict } from '../../mail/dkim/arc.ts';
import { dkimSignatures, type DkimVerdict, type KeyAnswers } from '../../mail/dkim/verify.ts';
import { evaluateDmarc, type DmarcVerdict } from '../../mail/dmarc.ts';
import { HEADER_LIMIT, indexHeader, type HeaderIndex } from '../../mail/header-index.ts';
import type { CallSubject } from '../../ocp/capability.ts';
import type { Facts } from '../../ocp/facts.ts';
import { HostMessage } from '../process-message.ts';
import { MessageLookUps } from './auth-dns.ts';
import type { AuthResults } from './auth-results.ts';
import { checkSpf, type SpfResult } from './auth-spf.ts';
import type { LibraryThreads } from './library-threads.ts';
import type { Resolver } from './resolver.ts';

/**
 * What SPF, DKIM, ARC and DMARC say of a message as it arrived, whatever services have made of it since: worked out once, when the first
 * service asks, and the same for all.
 *
 * All names are looked up here, where waiting costs nothing; what has to be hashed is, in a thread, with the keys at hand. So a
 * stranger's name server that does not answer holds up its own mail and nobody else's.
 */
export class Authentication {
  readonly #resolver: Resolver;
  readonly #threads: LibraryThreads;
  /** Gone with the message. */
  readonly #ofMessages = new WeakMap<SpoolHandle, Map<string, Promise<AuthResults>>>();
  /** Of transactions under way; the oldest goes when there are too many. */
  readonly #ofSenders = new Map<string, Promise<SpfResult>>();

  constructor({ resolver, threads }: { resolver: Resolver; threads: LibraryThreads }) {
    this.#resolver = resolver;
    this.#threads = threads;
  }

  /** Throws an Error if the message can't be read, or no thread had the time. */
  async results({ facts, image }: CallSubject): Promise<AuthResults> {
    if (image === undefined) return { spf: await this.#spf(facts) };
    const known = this.#ofMessages.get(image.spool) ?? new Map<string, Promise<AuthResults>>();
    this.#ofMessages.set(image.spool, known);
    const key = envelopeKey(facts);
    const before = known.get(key);
    if (before !== undefined) return before;
    const results = this.#ofMessage(facts, imageOf(image.spool));
    known.set(key, results);
    results.catch(() => known.delete(key));
    return results;
  }

  #lookUps(): MessageLookUps {
    return new MessageLookUps(this.#resolver, { signal: AbortSignal.timeout(LOOK_UP_MS), most: LOOK_UPS });
  }

  #spf(facts: Facts): Promise<SpfResult> {
    const key = `${facts.session} ${envelopeKey(facts)}`;
    const known = this.#ofSenders.get(key);
    if (known !== undefined) return known;
    const [oldest] = this.#ofSenders.size < SENDERS ? [] : this.#ofSenders.keys();
    if (oldest !== undefined) this.#ofSenders.delete(oldest);
    const result = checkSpf(facts, this.#lookUps());
    this.#ofSenders.set(key, result);
    return result;
  }

  async #ofMessage(facts: Facts, image: MessageImage): Promise<AuthResults> {
    const spfUnderWay = this.#spf(facts);
    const header = await readHeaderOf(image);
    const lookUps = this.#lookUps();
    const { dkim, arc } = await this.#verify(image, { header, lookUps });
    const spf = await spfUnderWay;
    return { spf, dkim, arc, dmarc: await dmarcOf({ facts, header, spf, dkim, lookUps }) };
  }

  async #verify(
    image: MessageImage,
    { header, lookUps }: { header: HeaderIndex; lookUps: MessageLookUps },
  ): Promise<Verified> {
    const now = Math.floor(Date.now() / 1000);
    const chain = readArcChain(header, now);
    const names = [
      ...dkimSignatures(header, now).flatMap((one) => ('keyName' in one ? [one.keyName] : [])),
      ...arcKeyNames(chain),
    ];
    const asked = [...new Set(names)].map(async (name) => [name, await lookUps.txt(name)] as const);
    const keys: KeyAnswers = Object.fromEntries(await Promise.all(asked));
    const input = { image, keys, now };
    const made = await this.#threads.run(
      { task: 'verifyMessage', input },
      { signal: AbortSignal.timeout(VERIFY_MS) },
    );
    if ('fault' in made) throw new Error(`Cannot verify the message: ${made.fault}`);
    return made.output;
  }
}

/** Milliseconds for all look-ups of a message. */
const LOOK_UP_MS = 8000;
/** Of one message, not counting what is known already. SPF alone may take 10, and 10 for each of 10 of these. */
const LOOK_UPS = 150;
/** Milliseconds for hashing and verifying, waiting for a thread included. */
const VERIFY_MS = 20_000;
const SENDERS = 1000;

/** What a thread is given. */
export interface VerifyInput {
  readonly image: MessageImage;
  readonly keys: KeyAnswers;
  readonly now: number;
}

export interface Verified {
  readonly dkim: readonly DkimVerdict[];
  readonly arc: ArcVerdict;
}

async function dmarcOf(found: {
  facts: Facts;
  header: HeaderIndex;
  spf: SpfResult;
  dkim: readonly DkimVerdict[];
  lookUps: MessageLookUps;
}): Promise<DmarcVerdict> {
  const { facts, header, spf, dkim, lookUps } = found;
  const author = authorDomain(header);
  if ('fault' in author) return { result: 'permerror', reason: author.fault, domain: '', policy: 'none' };
  const verdict = await evaluateDmarc(author.domain, {
    spf: spf.result === 'pass' ? spf.domain : undefined,
    dkim: dkim.flatMap(({ result, domain }) => (result === 'pass' ? [domain] : [])),
    lookUps,
  });
  if (verdict.result !== 'fail') return verdict;
  if (facts.listener.protocol === 'lmtp') {
    return {
      ...verdict,
      result: 'none',
      reason: 'no signature is aligned, and SPF is for the server before us to judge',
    };
  }
  // What could still be aligned is not known (RFC 9989 section 5.4).
  const uncertain = spf.result === 'temperror' || dkim.some(({ result }) => result === 'temperror');
  return uncertain
    ? { ...verdict, result: 'temperror', reason: 'SPF or DKIM had no answer from the DNS' }
    : verdict;
}

const envelopeKey = ({ client, sender }: Facts): string =>
  `${client.address} ${client.helo?.name ?? ''} ${sender?.address ?? ''}`;

async function readHeaderOf(image: MessageImage): Promise<HeaderIndex> {
  const message = new HostMessage(image);
  try {
    const octets = await message.read(0, HEADER_LIMIT);
    if (message.broken !== undefined) throw new Error(message.broken);
    return indexHeader(octets, { more: octets.length < image.size });
  } finally {
    await message.close();
  }
}
