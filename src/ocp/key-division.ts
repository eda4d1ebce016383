import type { HeldKey, OpenpgpKey, SmimeKey } from './held-key.ts';
import { domainOf, normalAddress } from '../mail/address.ts';
import type { Service } from './service.ts';

/**
 * Which recipients have their mail opened by other keys than the rest, so that they are asked about separately: what is opened
 * is one message for all who are asked about together, and nobody may read what was encrypted for another.
 */
export type KeyDivision = (
  service: string,
  about: { readonly sender: string; readonly recipient: string },
) => string;

/** Whether the key is for this address: its `addresses` have it, or its domain. */
export function isForAddress({ addresses }: SmimeKey | OpenpgpKey, address: string): boolean {
  const normal = normalAddress(address);
  return addresses.includes(normal) || addresses.includes(domainOf(normal));
}

/**
 * The names of the service's keys that are for the recipient. Mail of a sender whom one of them is for goes out: it is not divided, for it is
 * encrypted for all or for none.
 */
export function divideByKey(
  services: Iterable<Pick<Service, 'name' | 'grants'>>,
  keys: readonly HeldKey[],
): KeyDivision {
  const granted = new Map(
    [...services].flatMap(({ name, grants }) => {
      const names = grants.key?.keys ?? [];
      const held = keys.filter((key) => key.type === 'smime' || key.type === 'openpgp');
      const own = held.filter((key) => names.includes(key.name));
      return own.length === 0 ? [] : [[name, own] as const];
    }),
  );
  return (service, { sender, recipient }) => {
    const own = granted.get(service) ?? [];
    if (own.some((key) => isForAddress(key, sender))) return '';
    return own
      .filter((key) => isForAddress(key, recipient))
      .map(({ name }) => name)
      .join(' ');
  };
}
