import { isHostDomain, isWithin } from './dkim/domain.ts';
import { parseTags } from './dkim/tags.ts';

/**
 * DMARC (RFC 9989): whether a domain that SPF or DKIM has found to be true is aligned with the author's, and what the author's domain asks
 * for if none is. Organizations are found by walking up the DNS tree (section 4.10). `pct` is no longer part of it, `t=y` asks to be one
 * step milder (section 4.7).
 */
export interface DmarcVerdict {
  readonly result: 'none' | 'pass' | 'fail' | 'temperror' | 'permerror';
  readonly reason?: string;
  /** The author's domain. */
  readonly domain: string;
  /** What the domain asks to be done with mail that fails; `none` without a record. */
  readonly policy: DmarcPolicy;
}

export type DmarcPolicy = 'none' | 'quarantine' | 'reject';

export interface DmarcLookUps {
  /** TXT records, each put together; an empty list if there are none. */
  readonly txt: (
    name: string,
  ) => Promise<{ readonly records: readonly string[] } | { readonly failed: string }>;
  /** Whether there is such a name at all; a look-up that failed says yes. */
  readonly exists: (name: string) => Promise<boolean>;
}

interface DmarcRecord {
  readonly domain: string;
  readonly tags: ReadonlyMap<string, string>;
}

/** RFC 9989 section 4.10: look-ups of one walk. */
const WALK = 8;

export async function evaluateDmarc(
  author: string,
  { spf, dkim, lookUps }: { spf: string | undefined; dkim: readonly string[]; lookUps: DmarcLookUps },
): Promise<DmarcVerdict> {
  const none = { domain: author, policy: 'none' } as const;
  if (!isHostDomain(author)) return { ...none, result: 'permerror', reason: 'the domain of From is no name' };
  const walk = await walkUp(author, lookUps);
  if ('failed' in walk) return { ...none, result: 'temperror', reason: walk.failed };
  const organization = organizationOf(author, walk.records);
  const record =
    walk.records.find(({ domain }) => domain === author) ??
    walk.records.find(({ domain }) => domain === organization) ??
    walk.records.find(isSuffix);
  if (record === undefined) return { ...none, result: 'none' };
  const policy = await policyOf(record, { author, lookUps });
  const { tags } = record;
  const aligned = [
    ...(spf === undefined ? [] : [{ name: spf, strict: tags.get('aspf') === 's' }]),
    ...dkim.map((name) => ({ name, strict: tags.get('adkim') === 's' })),
  ];
  for (const { name, strict } of aligned) {
    const found = await isAligned(name.toLowerCase(), { author, organization, strict, lookUps });
    if (typeof found !== 'boolean')
      return { domain: author, policy, result: 'temperror', reason: found.failed };
    if (found) return { domain: author, policy, result: 'pass' };
  }
  return { domain: author, policy, result: 'fail', reason: 'nothing that holds is aligned with From' };
}

async function isAligned(
  name: string,
  asked: { author: string; organization: string; strict: boolean; lookUps: DmarcLookUps },
): Promise<boolean | { readonly failed: string }> {
  const { author, organization, strict, lookUps } = asked;
  if (name === author) return true;
  if (strict || !isHostDomain(name) || !isWithin(name, organization)) return false;
  if (name === organization) return true;
  // Below it another organization may begin.
  const walk = await walkUp(name, lookUps);
  return 'failed' in walk ? walk : organizationOf(name, walk.records) === organization;
}

/** The records on the way up from a domain, the longest name first. */
async function walkUp(
  domain: string,
  { txt }: DmarcLookUps,
): Promise<{ readonly records: readonly DmarcRecord[] } | { readonly failed: string }> {
  const records: DmarcRecord[] = [];
  const labels = domain.split('.');
  const names = labels.map((_, index) => labels.slice(index).join('.'));
  // A long name is cut after the first question.
  const asked = names.length <= WALK ? names : [names[0]!, ...names.slice(names.length - WALK + 1)];
  for (const name of asked) {
    const answer = await txt(`_dmarc.${name}`);
    // What stands higher mostly adds nothing.
    if ('failed' in answer && records.length > 0) break;
    if ('failed' in answer) return answer;
    const found = answer.records.flatMap((text) => {
      const tags = /^v=DMARC1[ \t]*(?:;|$)/.test(text) ? parseTags(text) : undefined;
      return tags === undefined ? [] : [tags];
    });
    // Several say nothing.
    if (found.length !== 1) continue;
    const record = { domain: name, tags: found[0]! };
    records.push(record);
    if (record.tags.get('psd') === 'n' || (isSuffix(record) && name !== domain)) break;
  }
  return { records };
}

const isSuffix = ({ tags }: DmarcRecord): boolean => tags.get('psd') === 'y';

/** RFC 9989 section 4.10.2. */
function organizationOf(domain: string, records: readonly DmarcRecord[]): string {
  const ends = records.find(({ tags }) => tags.get('psd') === 'n');
  if (ends !== undefined) return ends.domain;
  const suffix = records.find((record) => isSuffix(record) && record.domain !== domain);
  if (suffix !== undefined) {
    const labels = domain.split('.');
    return labels.slice(labels.length - suffix.domain.split('.').length - 1).join('.');
  }
  return records.at(-1)?.domain ?? domain;
}

async function policyOf(
  { domain, tags }: DmarcRecord,
  { author, lookUps }: { author: string; lookUps: DmarcLookUps },
): Promise<DmarcPolicy> {
  const own = readPolicy(tags.get('p')) ?? 'none';
  const below = readPolicy(tags.get('sp')) ?? own;
  const missing = readPolicy(tags.get('np'));
  const asked =
    domain === author ? own : missing !== undefined && !(await lookUps.exists(author)) ? missing : below;
  if (tags.get('t') !== 'y') return asked;
  return asked === 'reject' ? 'quarantine' : 'none';
}

function readPolicy(text: string | undefined): DmarcPolicy | undefined {
  const policy = text?.toLowerCase();
  return policy === 'none' || policy === 'quarantine' || policy === 'reject' ? policy : undefined;
}
