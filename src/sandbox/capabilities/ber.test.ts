import { expect, it } from 'vitest';
import { elementSize } from './ber.ts';

it.each([
  ['a length of one octet', [0x30, 0x05], 7],
  ['no content', [0x30, 0x00], 2],
  ['a length of several octets, as Active Directory writes it', [0x30, 0x84, 0, 0, 0, 0x28], 46],
  ['more after its end', [0x30, 0x01, 0x05, 0x30, 0x7f], 3],
  ['the largest length that is read', [0x30, 0x84, 0xff, 0xff, 0xff, 0xff], 6 + 0xffff_ffff],
  ['nothing', [], undefined],
  ['a tag alone', [0x30], undefined],
  ['half of its length', [0x30, 0x82, 0x01], undefined],
  ['no length: it goes on until its end is marked', [0x30, 0x80, 0, 0], undefined],
  ['a length of five octets', [0x30, 0x85, 0, 0, 0, 0, 1], undefined],
])('tells the size of an element that has %s', (_what, octets, size) => {
  expect(elementSize(Buffer.from(octets))).toBe(size);
});
