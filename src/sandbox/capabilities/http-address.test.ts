import { isIPv6 } from 'node:net';
import { describe, expect, it } from 'vitest';
import { guardedLookup, reachOf, UnreachableAddress } from './http-address.ts';

const entry = (address: string) => ({ address, family: isIPv6(address) ? 6 : 4 });
const reach = (address: string): string => reachOf(entry(address));

describe('addresses', () => {
  it.each([
    '1.1.1.1',
    '93.184.216.34',
    '172.32.0.1',
    '2606:4700::1111',
    '::ffff:1.1.1.1',
    '64:ff9b::1.1.1.1',
  ])('%s is public', (address) => expect(reach(address)).toBe('public'));

  it.each([
    '127.0.0.1',
    '127.9.9.9',
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.1.1',
    '100.64.0.1',
    '::1',
    '0:0:0:0:0:0:0:1',
    'fe80::1',
    'fc00::1',
    'fdff::1',
    '::ffff:127.0.0.1',
    '::ffff:7f00:1',
    '::ffff:10.0.0.1',
    '64:ff9b::127.0.0.1',
    '64:ff9b::a00:1',
    '2002:7f00:1::1',
  ])('%s is private', (address) => expect(reach(address)).toBe('private'));

  it.each([
    '0.0.0.0',
    '0.1.2.3',
    '::',
    '169.254.169.254',
    '::ffff:169.254.169.254',
    '64:ff9b::169.254.169.254',
    'fd00:ec2::254',
    '100.100.100.200',
    '168.63.129.16',
    '224.0.0.1',
    '255.255.255.255',
    '::ffff:224.0.0.1',
    'ff02::1',
    '192.0.2.1',
    '2001:db8::1',
  ])('%s is never to be reached', (address) => expect(reach(address)).toBe('never'));
});

describe('the look-up', () => {
  const found = (addresses: readonly string[], allowPrivate: boolean, all = true) =>
    new Promise((settle) => {
      const lookup = guardedLookup({
        allowPrivate,
        resolve: (_name, _options, callback) => callback(null, addresses.map(entry)),
      });
      lookup('a.example', { all }, (error, address, family) =>
        settle(error ?? (family === undefined ? address : { address, family })),
      );
    });

  it('leaves out what may not be reached', async () => {
    const mixed = ['10.0.0.1', '1.1.1.1', '169.254.169.254', '::1', '2606:4700::1'];
    expect(await found(mixed, false)).toEqual([entry('1.1.1.1'), entry('2606:4700::1')]);
    expect(await found(mixed, true)).toEqual(['10.0.0.1', '1.1.1.1', '::1', '2606:4700::1'].map(entry));
    expect(await found(mixed, false, false)).toEqual(entry('1.1.1.1'));
  });

  it('says where a name leads if nothing is left', async () => {
    const error = await found(['127.0.0.1', '::1'], false);
    expect(error).toBeInstanceOf(UnreachableAddress);
    expect(String(error)).toContain('a.example leads to 127.0.0.1, ::1, which the grant does not reach');
    expect(await found(['169.254.169.254'], true)).toBeInstanceOf(UnreachableAddress);
    expect(await found([], true)).toBeInstanceOf(UnreachableAddress);
  });

  it('passes on that a name does not exist', async () => {
    const lookup = guardedLookup({
      allowPrivate: true,
      resolve: (_name, _options, callback) => callback(new Error('ENOTFOUND'), []),
    });
    const error = await new Promise((settle) => lookup('a.example', { all: true }, settle));
    expect(String(error)).toContain('ENOTFOUND');
  });
});
