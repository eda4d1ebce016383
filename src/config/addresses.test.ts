import { expect, test } from 'vitest';
import { addressFindings } from './addresses.ts';

const paths = (root: unknown): string[] => addressFindings(root).map(({ path }) => path.join('.'));

const listeners = (...addresses: (string | undefined)[]) => ({
  listeners: Object.fromEntries(
    addresses.map((address, i) => [`l${i}`, { port: 2525, ...(address !== undefined && { address }) }]),
  ),
});

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['127.0.0.1', undefined],
  ['0.0.0.0', '192.0.2.1'],
  ['192.0.2.1', '0.0.0.0'],
  ['::', '192.0.2.1'],
  ['::', '0.0.0.0'],
  ['2001:db8::1', '::'],
  ['2001:DB8:0::1', '2001:db8::1'],
])('One port on %s and %s is taken twice', (first, second) => {
  expect(paths(listeners(first, second))).toEqual(['listeners.l1.port']);
});

test.each([
  ['127.0.0.1', '127.0.0.2'],
  ['0.0.0.0', '::1'],
  ['192.0.2.1', '::1'],
])('One port on %s and %s is not', (first, second) => {
  expect(paths(listeners(first, second))).toEqual([]);
});

test('Port 0 is never taken', () => {
  expect(paths({ listeners: { a: { port: 0 }, b: { port: 0 } } })).toEqual([]);
});

test.each([
  ['127.0.0.1', '127.0.0.1', true],
  ['127.0.0.1', 'LOCALHOST', true],
  ['0.0.0.0', '127.0.0.1', true],
  ['0.0.0.0', 'localhost', true],
  ['::', '::1', true],
  ['192.0.2.1', '192.0.2.1', true],
  ['192.0.2.1', 'localhost', false],
  ['0.0.0.0', '192.0.2.1', false],
  ['0.0.0.0', 'mail.example.org', false],
  ['127.0.0.1', '::2', false],
])('A listener on %s is where a downstream at %s leads: %s', (address, host, leads) => {
  const root = { ...listeners(address), downstreams: { d: { host, port: 2525 }, e: { host, port: 25 } } };
  expect(paths(root)).toEqual(leads ? ['downstreams.d.port'] : []);
});

test.each([
  null,
  5,
  [],
  { listeners: [] },
  { listeners: { a: 5, b: { port: 'x' }, c: { address: [], port: 5 } } },
])('What has the wrong type is passed over: %j', (root) => {
  expect(paths(root)).toEqual([]);
});
