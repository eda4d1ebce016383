import { z } from 'zod';
import { duration, filePath, integer, ldapFilter, ldapUrl, word } from './scalars.ts';
import { map, protocolRule } from './schema-maps.ts';

const COLUMN_RULE = 'must be the name of a column';
const column = z.string(COLUMN_RULE).min(1, COLUMN_RULE).max(200, COLUMN_RULE);
const text = z
  .string('must be a text')
  .min(1, 'must not be empty')
  .max(1000, 'must have at most 1000 characters');

const directoryKeys = {
  maxRows: integer(1, 100).default(10),
  cache: duration('0s', '1d').prefault('5m'),
  timeout: duration('100ms', '60s').prefault('5s'),
};
const tableKeys = {
  file: filePath,
  key: column,
  columns: z
    .array(column, 'must be a list of columns')
    .min(1, 'must have at least one column')
    .max(100, 'must have at most 100 columns')
    .optional(),
};

/** A table that services may look things up in. */
export const directory = z.discriminatedUnion(
  'type',
  [
    map({ type: z.literal('csv'), ...tableKeys, ...directoryKeys }),
    map({ type: z.literal('sqlite'), table: text, ...tableKeys, ...directoryKeys }),
    map({
      type: z.literal('ldap'),
      url: ldapUrl,
      startTls: z.boolean('must be true or false').default(false),
      ca: filePath.optional(),
      bind: map({ dn: text, passwordFile: filePath }).optional(),
      base: text,
      scope: word('base', 'one', 'sub').default('sub'),
      filter: ldapFilter,
      attributes: z
        .array(text, 'must be a list of attributes')
        .min(1, 'must have at least one attribute')
        .max(100, 'must have at most 100 attributes'),
      ...directoryKeys,
    }).refine(({ url, startTls }) => !(startTls && url.startsWith('ldaps:')), {
      path: ['startTls'],
      error: 'must not be given with ldaps://, which is TLS from the beginning',
    }),
  ],
  { error: (issue) => protocolRule(issue.code, ['csv', 'sqlite', 'ldap']) },
);
