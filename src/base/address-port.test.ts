import { expect, it } from 'vitest';
import { parseAddressPort } from './address-port.ts';

it.each([
  ['127.0.0.1', '127.0.0.1', 53],
  ['127.0.0.1:5353', '127.0.0.1', 5353],
  ['::1', '::1', 53],
  ['[::1]:5353', '::1', 5353],
  ['fe80::1%eth0', 'fe80::1%eth0', 53],
])('%s is %s, port %i', (text, address, port) => {
  expect(parseAddressPort(text, { port: 53 })).toEqual({ address, port });
});

it.each([
  '',
  'localhost',
  '127.0.0.1:',
  '127.0.0.1:0',
  '127.0.0.1:65536',
  '[127.0.0.1]:53',
  '[::1]',
  '::1:x',
])('%j is nothing', (text) => {
  expect(parseAddressPort(text, { port: 53 })).toBeUndefined();
});
