import { digestOf } from './digest.ts';
import { displayId, signatureFault, type PublicKey, type Signature } from './minisign.ts';

/**
 * Whose packages are trusted. Keys are trusted for the packages of one vendor, the first half of a manifest's id, and so many
 * of them must have signed. Nothing here looks at the network or at the clock.
 */
export interface TrustPolicy {
  readonly vendors: ReadonlyMap<string, VendorTrust>;
  /** What is trusted no more, whoever names or has signed it. `packages` are digests, `sha256:…`. */
  readonly revoked: { readonly keys: readonly PublicKey[]; readonly packages: readonly string[] };
  /** Whether a package of a vendor without trusted keys may come in without a signature. */
  readonly allowUnsigned: boolean;
}

export interface VendorTrust {
  readonly keys: readonly PublicKey[];
  /** So many different keys must have signed. */
  readonly threshold: number;
}

export interface Candidate {
  /** The manifest's `vendor/name`; undefined for a module without a manifest. */
  readonly id: string | undefined;
  /** The whole file. */
  readonly content: Uint8Array;
  readonly signatures: readonly Signature[];
}

export interface Judgement {
  readonly trusted: boolean;
  readonly reason: string;
  /** The vendor's keys that have signed. None of a trusted package: it is unsigned, which is worth a line in the log. */
  readonly signedBy: readonly PublicKey[];
}

/** Judges a package. Only the octets in `content` were judged: load these, not the file once more. */
export function judge(candidate: Candidate, policy: TrustPolicy): Judgement {
  const digest = digestOf(candidate.content);
  if (policy.revoked.packages.includes(digest))
    return { trusted: false, reason: `its digest ${digest} is revoked`, signedBy: [] };
  const vendor = candidate.id?.split('/')[0];
  const trust = vendor === undefined ? undefined : policy.vendors.get(vendor);
  if (vendor === undefined || trust === undefined) return judgeStranger(vendor, { candidate, policy });

  const isRevoked = (key: PublicKey): boolean => policy.revoked.keys.some((revoked) => isSame(revoked, key));
  const keys = trust.keys.filter((key, at) => trust.keys.findIndex((other) => isSame(other, key)) === at);
  const good = keys.filter((key) => !isRevoked(key));
  const faults: string[] = [];
  const signedBy = good.filter((key) =>
    candidate.signatures.some((signature) => {
      const fault = signatureFault(candidate.content, { signature, key });
      if (fault !== undefined && signature.keyId === key.id) faults.push(fault);
      return fault === undefined;
    }),
  );
  // A threshold below 1 would trust what nobody signed.
  const threshold = Math.max(1, trust.threshold);
  const trusted = signedBy.length >= threshold;
  const count = `${signedBy.length} of the ${keys.length} keys of ${vendor}, ${threshold} must have`;
  if (trusted) return { trusted, reason: `it is signed by ${listed(signedBy)}`, signedBy };

  for (const signature of candidate.signatures)
    faults.push(...strayFault(signature, { vendor, keys, policy }));
  const why = candidate.signatures.length === 0 ? ['it has no signature'] : faults;
  return { trusted, reason: [`it is signed by ${count}`, ...new Set(why)].join('; '), signedBy };
}

/** A vendor that no key is trusted for. With keys for it, `allowUnsigned` never applies: that would be a downgrade. */
function judgeStranger(
  vendor: string | undefined,
  { candidate, policy }: { candidate: Candidate; policy: TrustPolicy },
): Judgement {
  const who =
    vendor === undefined ? 'it has no manifest that names a vendor' : `no key is trusted for ${vendor}`;
  if (policy.allowUnsigned)
    return { trusted: true, reason: `${who}; unsigned packages are allowed`, signedBy: [] };
  const strays = candidate.signatures.flatMap((signature) =>
    strayFault(signature, { vendor: vendor ?? '', keys: [], policy }),
  );
  return { trusted: false, reason: [who, ...strays].join('; '), signedBy: [] };
}

/** Why a signature by none of the vendor's good keys doesn't count. */
function strayFault(
  signature: Signature,
  { vendor, keys, policy }: { vendor: string; keys: readonly PublicKey[]; policy: TrustPolicy },
): string[] {
  const { keyId } = signature;
  const name = displayId(keyId);
  if (policy.revoked.keys.some(({ id }) => id === keyId)) return [`key ${name} is revoked`];
  if (keys.some(({ id }) => id === keyId)) return [];
  const others = [...policy.vendors].filter(([, { keys }]) => keys.some(({ id }) => id === keyId));
  const owners = others.map(([other]) => other).filter((other) => other !== vendor);
  return owners.length > 0
    ? [`key ${name} is trusted for ${owners.join(', ')}, not for ${vendor}`]
    : [`key ${name} is not known`];
}

const isSame = (one: PublicKey, other: PublicKey): boolean => Buffer.compare(one.octets, other.octets) === 0;

const listed = (keys: readonly PublicKey[]): string => keys.map(({ id }) => displayId(id)).join(', ');
