import { domainOf, normalDomain } from '../mail/address.ts';
import type { Config } from './config.ts';

type Routes = Pick<Config, 'listeners' | 'downstreams' | 'bounce'>;

/**
 * The downstream that takes non-delivery notices to this sender; undefined if none does. A sender in one of our domains
 * reads mail behind the listener for that domain; everyone else is reached by the way out, if there is one.
 */
export function noticeRoute(config: Routes, sender: string): string | undefined {
  const domain = normalDomain(domainOf(sender));
  const ours = config.listeners.find(({ domains }) => domains?.includes(domain));
  return ours?.downstream ?? wayOut(config);
}

/**
 * The downstream that takes notices to the outside: the one that the operator named, or where submitted mail goes out.
 * A mailbox store behind an `smtp` listener is none: it would refuse them, and a Maildir would bury them.
 */
export function wayOut({ listeners, downstreams, bounce }: Routes): string | undefined {
  if (bounce.downstream !== undefined) return bounce.downstream;
  const relays = new Set(downstreams.filter(({ protocol }) => protocol === 'smtp').map(({ name }) => name));
  return listeners.find(({ protocol, downstream }) => protocol === 'submission' && relays.has(downstream))
    ?.downstream;
}
