import type { HeaderIndex } from '../header-index.ts';
import { canonicalField, canonicalSignature } from './canonical.ts';
import { publicKeyOf } from './key-record.ts';
import { readSignature, type NoSignature, type Signature } from './signature.ts';
import { rawField } from './signed-fields.ts';
import { base64Of, keyNameOf, parseTags, wholeOf, type Tags } from './tags.ts';
import { holds, type DkimVerdict, type KeyAnswers } from './verify.ts';

/**
 * The Authenticated Received Chain (RFC 8617): each hop that handed the message on has added a set of three fields, which says what it had
 * found, signs the message as it was then, and seals all sets so far.
 */
export interface ArcSet {
  readonly instance: number;
  /** ARC-Authentication-Results, raw. */
  readonly results: string;
  /** ARC-Message-Signature. */
  readonly signature: Signature | NoSignature;
  /** ARC-Seal. */
  readonly seal: ArcSealField;
  readonly rawSignature: string;
}

interface ArcSealField {
  readonly raw: string;
  readonly cv: string;
  readonly domain: string;
  readonly selector: string;
  readonly keyName: string | undefined;
  readonly signature: Buffer | undefined;
  readonly algorithm: string;
  readonly hasForeignTags: boolean;
}

/** What is there of a chain: no field at all, sets in order, or what is not a chain. */
export type ArcChain =
  | { readonly kind: 'none' }
  | { readonly kind: 'sets'; readonly sets: readonly ArcSet[] }
  | { readonly kind: 'broken'; readonly reason: string; readonly highest: number };

/** What was found of a chain (RFC 8617 section 4.4): `fail` is forever. A look-up that failed is a `fail` with that reason. */
export interface ArcVerdict {
  readonly result: 'none' | 'pass' | 'fail';
  readonly reason?: string;
  /** Instances in the chain, 0 if there are none. */
  readonly instance: number;
  /** Who sealed, the first hop first; only of a chain that holds. */
  readonly sealers: readonly string[];
  /** What the last sealer said of its own checks, without `i=`; only of a chain that holds. */
  readonly results: string;
}

const NAMES = ['arc-authentication-results', 'arc-message-signature', 'arc-seal'] as const;
/** RFC 8617 section 4.2.1. */
export const INSTANCES = 50;

export function readArcChain(header: HeaderIndex, now: number): ArcChain {
  const found = new Map<number, Map<string, string>>();
  let highest = 0;
  let fault: string | undefined;
  for (const name of NAMES) {
    for (const index of header.named(name)) {
      const raw = rawField(header, index);
      const instance = instanceOf(name, raw);
      if (instance === undefined || instance < 1 || instance > INSTANCES) {
        fault ??= `an instance is not 1 to ${INSTANCES}`;
        continue;
      }
      highest = Math.max(highest, instance);
      const set = found.get(instance) ?? new Map<string, string>();
      found.set(instance, set);
      if (set.has(name)) fault ??= `instance ${instance} has ${name} twice`;
      set.set(name, raw);
    }
  }
  if (found.size === 0 && fault === undefined) return { kind: 'none' };
  const broken = (reason: string): ArcChain => ({ kind: 'broken', reason, highest });
  if (fault !== undefined) return broken(fault);
  const sets: ArcSet[] = [];
  for (let instance = 1; instance <= highest; instance++) {
    const [results, signature, seal] = NAMES.map((name) => found.get(instance)?.get(name));
    if (results === undefined || signature === undefined || seal === undefined) {
      return broken(`instance ${instance} is not whole`);
    }
    sets.push({
      instance,
      results,
      rawSignature: signature,
      signature: readSignature(signature, { kind: 'arc', now }),
      seal: readSeal(seal),
    });
  }
  return { kind: 'sets', sets };
}

/** The names of the keys that `verifyArc` goes by. */
export function arcKeyNames(chain: ArcChain): string[] {
  if (chain.kind !== 'sets') return [];
  const last = chain.sets.at(-1)!.signature;
  return [
    ...('keyName' in last ? [last.keyName] : []),
    ...chain.sets.flatMap(({ seal }) => seal.keyName ?? []),
  ];
}

/** RFC 8617 section 5.2. `latest` is what became of the last ARC-Message-Signature, which is verified as any signature is. */
export function verifyArc(
  chain: ArcChain,
  { keys, latest }: { keys: KeyAnswers; latest: DkimVerdict | undefined },
): ArcVerdict {
  const instance = chain.kind === 'sets' ? chain.sets.length : chain.kind === 'broken' ? chain.highest : 0;
  const fail = (reason: string): ArcVerdict => ({
    result: 'fail',
    reason,
    instance,
    sealers: [],
    results: '',
  });
  if (chain.kind === 'none') return { result: 'none', instance: 0, sealers: [], results: '' };
  if (chain.kind === 'broken') return fail(chain.reason);
  const { sets } = chain;
  for (const { instance: at, seal } of sets) {
    // Of the last set it says what its sealer found of the sets before it; `fail` stays.
    if (seal.cv !== (at === 1 ? 'none' : 'pass'))
      return fail(`instance ${at} says cv=${seal.cv.slice(0, 10)}`);
  }
  if (latest?.result !== 'pass')
    return fail(`message signature ${instance}: ${latest?.reason ?? 'it is none'}`);
  for (const { instance: at } of sets.toReversed()) {
    const fault = sealFault(sets.slice(0, at), keys);
    if (fault !== undefined) return fail(`seal ${at}: ${fault}`);
  }
  const results = sets.at(-1)!.results;
  return {
    result: 'pass',
    instance,
    sealers: sets.map(({ seal }) => seal.domain),
    results: results
      .slice(results.indexOf(';') + 1)
      .replace(/\r?\n/g, '')
      .trim(),
  };
}

function sealFault(sets: readonly ArcSet[], keys: KeyAnswers): string | undefined {
  const { seal } = sets.at(-1)!;
  if (seal.keyName === undefined || seal.signature === undefined || seal.hasForeignTags)
    return 'it has no form';
  if (seal.algorithm !== 'rsa-sha256' && seal.algorithm !== 'ed25519-sha256')
    return 'its algorithm is unknown';
  const key = publicKeyOf(keys[seal.keyName]);
  if ('result' in key) return key.reason;
  if (!seal.algorithm.startsWith(key.type)) return 'its key is of another type';
  return holds(sealedOctets(sets), { key, signature: seal.signature })
    ? undefined
    : 'it does not fit the chain';
}

/** What the seal of the last of these sets signs (RFC 8617 section 5.1.1): all of them, but for its own `b=`. */
export function sealedOctets(
  sets: readonly {
    readonly results: string;
    readonly rawSignature: string;
    readonly seal: { readonly raw: string };
  }[],
): Buffer {
  const fields = sets.flatMap(({ results, rawSignature, seal }, index) => [
    canonicalField(results, 'relaxed'),
    canonicalField(rawSignature, 'relaxed'),
    index === sets.length - 1 ? canonicalSignature(seal.raw, 'relaxed') : canonicalField(seal.raw, 'relaxed'),
  ]);
  return Buffer.from(fields.join(''), 'latin1');
}

function instanceOf(name: (typeof NAMES)[number], raw: string): number | undefined {
  const value = raw.slice(raw.indexOf(':') + 1);
  // The rest of ARC-Authentication-Results is no list of tags.
  const text =
    name === 'arc-authentication-results' ? value.slice(0, Math.max(0, value.indexOf(';'))) : value;
  return wholeOf(parseTags(text)?.get('i'));
}

function readSeal(raw: string): ArcSealField {
  const tags: Tags = parseTags(raw.slice(raw.indexOf(':') + 1)) ?? new Map<string, string>();
  const domain = (tags.get('d') ?? '').toLowerCase();
  const selector = tags.get('s') ?? '';
  return {
    raw,
    cv: (tags.get('cv') ?? '').toLowerCase(),
    domain,
    selector,
    keyName: keyNameOf({ domain, selector }),
    signature: base64Of(tags.get('b')),
    algorithm: (tags.get('a') ?? '').toLowerCase(),
    // RFC 8617 section 4.1.3.
    hasForeignTags: tags.has('h'),
  };
}
