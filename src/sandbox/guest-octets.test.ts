import { describe, expect, it } from 'vitest';
import { copyOf, zeros } from './guest-octets.ts';

const MIB = 1024 * 1024;

describe('octets of guests', () => {
  it.each([0, 1, 65_535, 65_536, 3 * MIB])('are %d zeros', (length) => {
    const octets = zeros(length);
    expect(octets.length).toBe(length);
    expect(octets.every((octet) => octet === 0)).toBe(true);
  });

  it.each([0, 1, 65_535, 65_536, 3 * MIB])('are copied: %d', (length) => {
    const octets = new Uint8Array(length + 2).fill(7).subarray(1, -1);
    const copy = copyOf(octets);
    expect(Buffer.compare(copy, octets)).toBe(0);
    expect(copy.buffer.byteLength).toBe(length);
    octets.fill(8);
    expect(copy.every((octet) => octet === 7)).toBe(true);
  });
});
