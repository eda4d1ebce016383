import { z } from 'zod';
import { domain, filePath, mailboxOrDomain, selector } from './scalars.ts';
import { map, protocolRule } from './schema-maps.ts';

const ADDRESSES_RULE = 'must be a list of mail addresses and domain names';
const addresses = z
  .array(mailboxOrDomain, ADDRESSES_RULE)
  .min(1, 'must have at least one mail address or domain name')
  .max(1000, 'must have at most 1000 entries');
const KEY_TYPES = ['dkim', 'smime', 'smime-partners', 'openpgp', 'openpgp-partners'];

/** A key that the host holds, or the certificates and keys of others. */
export const heldKey = z.discriminatedUnion(
  'type',
  [
    map({ type: z.literal('dkim'), file: filePath, domain, selector }),
    map({ type: z.literal('smime'), file: filePath, certificate: filePath, addresses }),
    map({
      type: z.literal('smime-partners'),
      authorities: filePath,
      revocations: filePath.optional(),
      directory: filePath,
    }),
    map({ type: z.literal('openpgp'), file: filePath, addresses }),
    map({ type: z.literal('openpgp-partners'), directory: filePath }),
  ],
  { error: (issue) => protocolRule(issue.code, KEY_TYPES) },
);
