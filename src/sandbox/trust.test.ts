import { describe, expect, it } from 'vitest';
import { digestOf } from './digest.ts';
import { generateKey } from './minisign-secret.ts';
import { displayId, sign, type PublicKey } from './minisign.ts';
import { judge, type Candidate, type TrustPolicy } from './trust.ts';

const content = Buffer.from('a package');
const [one, two, three, other] = [generateKey(), generateKey(), generateKey(), generateKey()];
const by = (...keys: (typeof one)[]): Candidate => ({
  id: 'acme/filter',
  content,
  signatures: keys.map((key) => sign(content, { key, trustedComment: 'x' })),
});
const policyOf = (
  threshold: number,
  more: { keys?: PublicKey[]; revoked?: Partial<TrustPolicy['revoked']>; allowUnsigned?: boolean } = {},
): TrustPolicy => ({
  vendors: new Map([
    ['acme', { keys: more.keys ?? [one, two, three].map(({ publicKey }) => publicKey), threshold }],
    ['rival', { keys: [other.publicKey], threshold: 1 }],
  ]),
  revoked: { keys: [], packages: [], ...more.revoked },
  allowUnsigned: more.allowUnsigned ?? false,
});
const name = (key: typeof one): string => displayId(key.publicKey.id);

describe('a package is trusted', () => {
  it('with a signature of its vendor, whatever other signatures there are', () => {
    expect(judge(by(one), policyOf(1))).toEqual({
      trusted: true,
      reason: `it is signed by ${name(one)}`,
      signedBy: [one.publicKey],
    });
    expect(judge(by(other, two), policyOf(1)).trusted).toBe(true);
  });

  it('with as many different keys as the threshold says', () => {
    expect(judge(by(one), policyOf(2)).trusted).toBe(false);
    expect(judge(by(one, one, one), policyOf(2)).trusted).toBe(false);
    expect(judge(by(one, three), policyOf(2))).toMatchObject({ trusted: true, signedBy: [{}, {}] });
    expect(judge(by(one, three), policyOf(3)).reason).toBe(
      'it is signed by 2 of the 3 keys of acme, 3 must have',
    );
    // A key that is listed twice is one.
    const twice = policyOf(2, { keys: [one.publicKey, one.publicKey] });
    expect(judge(by(one), twice).trusted).toBe(false);
  });

  it('unsigned where the operator allows it, and no key is trusted for its vendor', () => {
    const policy = policyOf(1, { allowUnsigned: true });
    const stranger = { id: 'nobody/filter', content, signatures: [] };
    expect(judge(stranger, policy)).toMatchObject({ trusted: true, signedBy: [] });
    expect(judge({ ...stranger, id: undefined }, policy)).toMatchObject({ trusted: true, signedBy: [] });
    expect(judge(stranger, policyOf(1))).toEqual({
      trusted: false,
      reason: 'no key is trusted for nobody',
      signedBy: [],
    });
    expect(judge({ ...stranger, id: undefined }, policyOf(1)).reason).toBe(
      'it has no manifest that names a vendor',
    );
  });
});

describe('a package is not trusted', () => {
  it('unsigned, once keys are trusted for its vendor: allowUnsigned is no way around them', () => {
    expect(judge(by(), policyOf(1, { allowUnsigned: true }))).toEqual({
      trusted: false,
      reason: 'it is signed by 0 of the 3 keys of acme, 1 must have; it has no signature',
      signedBy: [],
    });
    expect(judge(by(), policyOf(0)).trusted).toBe(false);
    expect(judge(by(), policyOf(0, { keys: [], allowUnsigned: true })).trusted).toBe(false);
  });

  it("with the signature of another vendor's key", () => {
    const judgement = judge(by(other), policyOf(1));
    expect(judgement.trusted).toBe(false);
    expect(judgement.reason).toContain(`key ${name(other)} is trusted for rival, not for acme`);
    expect(judge({ ...by(one), id: 'rival/filter' }, policyOf(1)).reason).toContain(
      `key ${name(one)} is trusted for acme, not for rival`,
    );
  });

  it('with a signature over another file, or of a key that took a trusted id', () => {
    const elsewhere = { ...by(one), content: Buffer.from('another package') };
    expect(judge(elsewhere, policyOf(1))).toMatchObject({
      trusted: false,
      reason: expect.stringContaining('over this very file') as unknown,
    });
    const impostor = { publicKey: { ...two.publicKey, id: one.publicKey.id }, privateKey: two.privateKey };
    expect(judge(by(impostor), policyOf(1, { keys: [one.publicKey] })).trusted).toBe(false);
  });

  it('with a key that is revoked, or not known', () => {
    const revoked = policyOf(1, { revoked: { keys: [one.publicKey] } });
    expect(judge(by(one), revoked).reason).toContain(`key ${name(one)} is revoked`);
    expect(judge(by(one, two), revoked).trusted).toBe(true);
    expect(judge(by(one, two), { ...revoked, vendors: policyOf(2).vendors }).trusted).toBe(false);
    expect(judge(by(generateKey()), policyOf(1)).reason).toMatch(/key \w+ is not known$/);
  });

  it('whose digest is revoked, whoever signed it and whatever is allowed', () => {
    const revoked = { packages: [digestOf(content)] };
    const reason = `its digest ${digestOf(content)} is revoked`;
    expect(judge(by(one, two), policyOf(1, { revoked }))).toMatchObject({ trusted: false, reason });
    const stranger = { ...by(), id: undefined };
    const lenient = policyOf(1, { revoked, allowUnsigned: true });
    expect(judge(stranger, lenient)).toMatchObject({ trusted: false, reason });
    expect(judge({ ...stranger, content: Buffer.from('another') }, lenient).trusted).toBe(true);
  });
});
