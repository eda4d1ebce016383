import { domainOf, normalDomain } from '../mail/address.ts';
import { reply, type Reply } from '../mail/reply.ts';

/**
 * The defence against being an open relay: a listener with domains takes mail for these and for `postmaster` alone
 * (RFC 5321 section 4.5.1), and for nobody else, whatever the services say later.
 */
export function relayRefusal(address: string, domains: ReadonlySet<string> | undefined): Reply | undefined {
  if (domains === undefined || address.toLowerCase() === 'postmaster') return undefined;
  const domain = normalDomain(domainOf(address));
  return domains.has(domain) ? undefined : reply(550, '5.7.1', `Relaying to ${domain} is not permitted`);
}
