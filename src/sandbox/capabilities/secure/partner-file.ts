import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { domainOf } from '../../../mail/address.ts';

/** What can be the name of a file: an address that needs no quotes, without a slash, and not of dots alone. */
const PLAIN = /^[a-z0-9!#$%&'*+=?^_`{|}~.-]+@[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;

/** The file that the operator keeps for an address in normal form, else for its domain; undefined if there is none. */
export function partnerFile(
  directory: string,
  { address, extension }: { address: string; extension: string },
): string | undefined {
  if (!PLAIN.test(address)) return undefined;
  return [address, domainOf(address)]
    .map((name) => join(directory, `${name}.${extension}`))
    .find((file) => existsSync(file));
}
