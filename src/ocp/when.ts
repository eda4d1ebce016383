import { BlockList, isIPv6 } from 'node:net';
import { domainOf, normalAddress, normalDomain } from '../mail/address.ts';
import type { WhenRule } from './service.ts';

/** What a `when` rule is held against. What is not known yet at a stage is absent, and a rule that needs it does not hold. */
export interface WhenSubject {
  readonly client: string;
  readonly user?: string | undefined;
  /** '' is the null reverse-path. */
  readonly sender?: string | undefined;
  readonly recipient?: string | undefined;
}

/** A rule made ready once, so that asking it costs a few set look-ups. */
export type WhenPredicate = (subject: WhenSubject) => boolean;

/** Makes a predicate of a rule. `client` entries must be addresses or CIDR networks; the config has checked them. */
export function compileWhen(rule: WhenRule | undefined): WhenPredicate {
  if (rule === undefined) return () => true;
  const conditions: WhenPredicate[] = [];
  if (rule.recipientDomain !== undefined) {
    const domains = new Set(rule.recipientDomain.map(normalDomain));
    conditions.push(
      ({ recipient }) => recipient !== undefined && domains.has(normalDomain(domainOf(recipient))),
    );
  }
  if (rule.recipient !== undefined) {
    const addresses = new Set(rule.recipient.map(normalAddress));
    conditions.push(({ recipient }) => recipient !== undefined && addresses.has(normalAddress(recipient)));
  }
  if (rule.senderDomain !== undefined) {
    const domains = new Set(rule.senderDomain.map(normalDomain));
    conditions.push(({ sender }) => sender !== undefined && domains.has(normalDomain(domainOf(sender))));
  }
  if (rule.sender !== undefined) {
    const addresses = new Set(rule.sender.map(normalAddress));
    conditions.push(({ sender }) => sender !== undefined && addresses.has(normalAddress(sender)));
  }
  if (rule.client !== undefined) {
    const networks = networkList(rule.client);
    conditions.push(({ client }) => networks.check(client, isIPv6(client) ? 'ipv6' : 'ipv4'));
  }
  if (rule.authenticated !== undefined) {
    const wanted = rule.authenticated;
    conditions.push(({ user }) => (user !== undefined) === wanted);
  }
  return (subject) => conditions.every((holds) => holds(subject));
}

/** Addresses and CIDR networks as one list. Throws on anything else. */
export function networkList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/');
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}
