import type { Facts } from '../../ocp/facts.ts';
import type { MessageLookUps } from './auth-dns.ts';
import { isDnsType, type DnsRecord } from './dns-message.ts';

/** SPF (RFC 7208) of a client for a sender, by mailauth. */
export interface SpfResult {
  readonly result: 'none' | 'pass' | 'fail' | 'softfail' | 'neutral' | 'temperror' | 'permerror';
  /** Why there is no result, in words. */
  readonly reason?: string;
  /** What was judged: the domain of the sender, or of HELO if the sender is null. */
  readonly identity: 'mailfrom' | 'helo';
  readonly domain: string;
}

const RESULTS = ['none', 'pass', 'fail', 'softfail', 'neutral', 'temperror', 'permerror'] as const;

/** Ten look-ups and two void ones at most (RFC 7208 section 4.6.4), else `permerror`. */
export async function checkSpf(facts: Facts, lookUps: MessageLookUps): Promise<SpfResult> {
  const { client, sender, listener } = facts;
  const helo = client.helo?.name ?? '';
  const address = sender?.address ?? '';
  const identity = address === '' ? 'helo' : 'mailfrom';
  const of = {
    identity,
    domain: (identity === 'helo' ? helo : address.slice(address.lastIndexOf('@') + 1)).toLowerCase(),
  } as const;
  if (listener.protocol === 'lmtp')
    return { ...of, result: 'none', reason: 'the client is a server of ours' };
  const mta = 'postern';
  const from = address === '' ? `postmaster@${helo}` : address;
  // Loaded when it is needed: it brings much with it.
  const { spf } = await import('mailauth/lib/spf/index.js');
  const { status } = await spf({
    ip: client.address,
    helo,
    sender: from,
    mta,
    resolver: (name, type) => resolve(lookUps, { name, type }),
  });
  const result = RESULTS.find((one) => one === status.result) ?? 'temperror';
  const [, reason] = (status.comment ?? '').split(`lookup of ${from}: `);
  return { ...of, result, ...(reason !== undefined && result.endsWith('error') && { reason }) };
}

/** As `dns.resolve` answers and fails. */
async function resolve(
  lookUps: MessageLookUps,
  { name, type }: { name: string; type: string },
): Promise<string[]> {
  if (!isDnsType(type)) throw failure('ENOTIMP', `records of type ${type} are not looked up`);
  const answer = await lookUps.ask(type, name);
  if (answer.kind === 'found' && answer.records.some(isUnreasonable)) {
    const spfResult = { error: 'permerror', text: `the record of ${name} is too large` };
    throw Object.assign(new Error(spfResult.text), { spfResult });
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its type names two of the forms that it takes
  if (answer.kind === 'found') return structuredClone(answer.records) as string[];
  if (answer.kind === 'failed') throw failure('ETIMEOUT', answer.cause);
  throw failure(answer.kind === 'nodata' ? 'ENODATA' : 'ENOTFOUND', `${name} has no ${type} record`);
}

/** Characters; 450 are recommended (RFC 7208 section 3.4). */
const RECORD = 4096;
/** Of one record; each may become as long as a HELO name. */
const MACROS = 16;

/**
 * Whether it is an SPF record that only somebody made who means harm. What it comes to is read in the main thread, by expressions that take
 * time by the square of a term's length: one of 60,000 characters held all sessions for seconds.
 */
function isUnreasonable(record: DnsRecord): boolean {
  const text = Array.isArray(record) ? record.join('').trimStart() : '';
  if (!/^v=spf1/i.test(text)) return false;
  return text.length > RECORD || text.split('%{').length - 1 > MACROS;
}

const failure = (code: string, message: string): Error => Object.assign(new Error(message), { code });
