import { expect, it } from 'vitest';
import type { HeldKey } from './held-key.ts';
import { divideByKey } from './key-division.ts';

const key = (name: string, ...addresses: string[]): HeldKey => ({
  type: 'openpgp',
  name,
  file: `${name}.asc`,
  addresses,
});
const keys = [
  key('bob', 'bob@example.com'),
  key('all', 'example.com'),
  key('carl', 'carl@example.com'),
  { type: 'openpgp-partners', name: 'partners', directory: 'keys' } as const,
];
const granting = (name: string, ...granted: string[]) => ({
  name,
  grants: { key: { keys: granted, operationsPerMinute: 60 } },
});
const keysOf = divideByKey(
  [granting('own', 'bob', 'carl', 'partners'), granting('gate', 'all'), { name: 'plain', grants: {} }],
  keys,
);

it.each([
  ['own', 'eve@example.net', ['bob', '', 'carl', '']],
  ['own', '', ['bob', '', 'carl', '']],
  // One key for all of them, no key, and mail that goes out: all are asked about together.
  ['gate', 'eve@example.net', ['all', 'all', 'all', '']],
  ['plain', 'eve@example.net', ['', '', '', '']],
  ['own', 'Carl@EXAMPLE.com', ['', '', '', '']],
])('divides the recipients of %s, in mail from %j, into %j', (service, sender, expected) => {
  const recipients = ['Bob@example.com', 'eve@example.com', 'carl@example.com', 'x@example.net'];
  expect(recipients.map((recipient) => keysOf(service, { sender, recipient }))).toEqual(expected);
});
