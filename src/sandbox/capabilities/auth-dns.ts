import { isHostDomain } from '../../mail/dkim/domain.ts';
import type { DnsType } from './dns-message.ts';
import type { DnsAnswer, Resolver } from './resolver.ts';

/**
 * The look-ups for one message, bounded in number and in time: who sends mail says which names are asked for, and could have a gate ask all
 * day, or wait all day. What is over is answered as an outage, so it becomes a `temperror`.
 */
export class MessageLookUps {
  readonly #resolver: Resolver;
  readonly #signal: AbortSignal;
  #left: number;

  constructor(resolver: Resolver, { signal, most }: { signal: AbortSignal; most: number }) {
    this.#resolver = resolver;
    this.#signal = signal;
    this.#left = most;
  }

  async ask(type: DnsType, asked: string): Promise<DnsAnswer> {
    const name = asked.toLowerCase().replace(/\.$/, '');
    // What can't be asked for is not there (RFC 7208 section 4.3).
    if (!isHostDomain(name)) return { kind: 'nxdomain', ttl: 0 };
    if (this.#left <= 0) return { kind: 'failed', cause: 'it takes too many look-ups' };
    this.#left -= 1;
    return this.#resolver.resolve({ type, name }, { signal: this.#signal });
  }

  /** TXT records, each put together; an empty list if there are none. One character an octet. */
  readonly txt = async (
    name: string,
  ): Promise<{ readonly records: readonly string[] } | { readonly failed: string }> => {
    const answer = await this.ask('TXT', name);
    // Without the cause, which names our servers: it is told to all who read the mail.
    if (answer.kind === 'failed') return { failed: `no answer for ${name}` };
    const records = answer.kind === 'found' ? answer.records : [];
    return { records: records.flatMap((record) => (isStrings(record) ? [record.join('')] : [])) };
  };

  /** Whether there is such a name; an outage says yes. */
  readonly exists = async (name: string): Promise<boolean> => (await this.ask('A', name)).kind !== 'nxdomain';
}

const isStrings = (record: unknown): record is readonly string[] => Array.isArray(record);
