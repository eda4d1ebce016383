import { domainToASCII } from 'node:url';
import addressparser from 'nodemailer/lib/addressparser';
import { normalAddress } from './address.ts';
import type { HeaderIndex } from './header-index.ts';

/**
 * The domain of the author, in A-labels: that of the one address in From. Readers show a message with two From fields, or one with addresses
 * of two domains, each in their own way; whoever takes one of them for the author is deceived. So such a message has none.
 */
export function authorDomain(header: HeaderIndex): { readonly domain: string } | { readonly fault: string } {
  const read = readFrom(header);
  if ('fault' in read) return read;
  const { addresses } = read;
  const domains = new Set(
    addresses.map((address) => domainToASCII(address.slice(address.lastIndexOf('@') + 1).trim())),
  );
  const [domain = ''] = domains;
  if (domains.size > 1) return { fault: 'From has addresses of several domains' };
  if (domain === '' || !addresses.every((address) => address.includes('@')))
    return { fault: 'From has no address' };
  return { domain: domain.toLowerCase() };
}

/** The one address of the one From field, in normal form; '' if there is none, or more. */
export function authorAddress(header: HeaderIndex): string {
  const read = readFrom(header);
  if ('fault' in read || read.addresses.length !== 1) return '';
  return normalAddress(read.addresses[0]!.trim());
}

function readFrom(
  header: HeaderIndex,
): { readonly addresses: readonly string[] } | { readonly fault: string } {
  const fields = header.named('from');
  if (fields.length !== 1)
    return { fault: `it has ${fields.length === 0 ? 'no' : fields.length} From fields` };
  const value = Buffer.from(header.value(fields[0]!)!, 'latin1').toString('utf8');
  if (value.length > LIMIT) return { fault: 'its From field is too long' };
  return { addresses: addressparser(value, { flatten: true }).map(({ address }) => address) };
}

/** Of characters: more than a thousand addresses of authors. */
const LIMIT = 64 * 1024;
