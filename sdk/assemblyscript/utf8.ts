/**
 * UTF-8 to and from AssemblyScript's UTF-16 strings. Mail carries whatever a sender put there, so decoding never
 * fails: what is not UTF-8 (overlong forms and surrogates included) becomes U+FFFD, as the Encoding Standard has it.
 */
export function decodeUtf8(octets: Uint8Array, start: i32 = 0, end: i32 = i32.MAX_VALUE): string {
  const to = min(end, octets.length);
  if (start >= to) return '';
  const base = octets.dataStart;
  // An octet never becomes more than one UTF-16 unit.
  const units = new StaticArray<u16>(to - start);
  let size = 0;
  let at = start;
  while (at < to) {
    const first: u32 = load<u8>(base + at++);
    if (first < 0x80) {
      unchecked((units[size++] = <u16>first));
      continue;
    }
    let more = first < 0xc2 ? 0 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : 0;
    let point: u32 = more == 0 ? 0xfffd : first & (0x3f >> more);
    // The second octet's range is what keeps overlong forms, surrogates and points past U+10FFFF out.
    let low: u32 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    let high: u32 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    for (; more > 0; more--) {
      const next: u32 = at < to ? load<u8>(base + at) : 0;
      if (next < low || next > high) {
        point = 0xfffd;
        break;
      }
      at++;
      point = (point << 6) | (next & 0x3f);
      low = 0x80;
      high = 0xbf;
    }
    if (point >= 0x10000) {
      unchecked((units[size++] = <u16>(0xd7c0 + (point >> 10))));
      unchecked((units[size++] = <u16>(0xdc00 | (point & 0x3ff))));
    } else {
      unchecked((units[size++] = <u16>point));
    }
  }
  return String.UTF16.decodeUnsafe(changetype<usize>(units), size << 1);
}

/** The text's octets; a surrogate without its other half becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return Uint8Array.wrap(String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE));
}
