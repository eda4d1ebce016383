import { domainOf, normalAddress, normalDomain } from './address.ts';
import type { HeaderIndex } from './header-index.ts';
import { readMailbox, type ReadMailbox } from './mailbox.ts';

/**
 * The domain of the author, in A-labels: that of the one address in From. Readers show a message with two From fields, several
 * addresses in one, or a malformed one, each in their own way; whoever takes one of them for the author is deceived. So such a message has none.
 */
export function authorDomain(header: HeaderIndex): { readonly domain: string } | { readonly fault: string } {
  const read = readFrom(header);
  return 'fault' in read ? read : { domain: normalDomain(domainOf(read.address)) };
}

/** The one address of the one From field, in normal form; '' if there is none, or more. */
export function authorAddress(header: HeaderIndex): string {
  const read = readFrom(header);
  return 'fault' in read ? '' : normalAddress(read.address);
}

function readFrom(header: HeaderIndex): ReadMailbox {
  const fields = header.named('from');
  if (fields.length !== 1)
    return { fault: `it has ${fields.length === 0 ? 'no' : fields.length} From fields` };
  const value = Buffer.from(header.value(fields[0]!)!, 'latin1').toString('utf8');
  if (value.length > LIMIT) return { fault: 'its From field is too long' };
  const read = readMailbox(value);
  return 'fault' in read ? { fault: `its From field is malformed: ${read.fault}` } : read;
}

/** Of characters. */
const LIMIT = 64 * 1024;
