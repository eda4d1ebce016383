/** Octets of the element of BER (X.690 section 8.1) that begins here, whether or not they are all there; undefined if its length is not. */
export function elementSize(octets: Buffer): number | undefined {
  const first = octets[1];
  if (first === undefined) return undefined;
  if (first < 0x80) return 2 + first;
  const more = first & 0x7f;
  return more >= 1 && more <= 4 && octets.length >= 2 + more
    ? 2 + more + octets.readUIntBE(2, more)
    : undefined;
}
