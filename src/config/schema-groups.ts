import { z } from 'zod';
import { domain, mailbox, name, network, senderAddress } from './scalars.ts';
import { map, oneOrMore } from './schema-maps.ts';

const when = map({
  recipientDomain: oneOrMore(domain).optional(),
  recipient: oneOrMore(mailbox).optional(),
  senderDomain: oneOrMore(domain).optional(),
  sender: oneOrMore(senderAddress).optional(),
  client: oneOrMore(network).optional(),
  authenticated: z.boolean('must be true or false').optional(),
}).refine(
  (rule) => Object.keys(rule).length > 0,
  'must have at least one condition; leave the key out to ask always',
);

/** A service of a group, and when it is asked. */
export const groupEntry = z.union(
  [name, map({ service: name, when: when.optional() })],
  'must be the name of a service, or a map with the keys service, when',
);
