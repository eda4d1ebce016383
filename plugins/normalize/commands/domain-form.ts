import { domainOf, localPartOf } from '../../../sdk/assemblyscript';

/**
 * The rule `domainForm`: the domain of an address in lower case and A-labels, as the host has it in the normal form. The local part
 * stays as it was written (RFC 5321 section 2.4), and so does an address literal.
 */
export function mendDomain(address: string, normal: string): string {
  const domain = domainOf(address);
  if (domain.length == 0 || domain.startsWith('[')) return address;
  return localPartOf(address) + '@' + domainOf(normal);
}
