/** Octets as text, one character for each: nothing is lost, whatever the charset. */
export function latin1(octets: Uint8Array, start: i32, end: i32): string {
  const units = new StaticArray<u16>(max(0, end - start));
  for (let i = start; i < end; i++) unchecked((units[i - start] = octets[i]));
  return String.UTF16.decodeUnsafe(changetype<usize>(units), units.length << 1);
}

export function octetsOf(text: string): Uint8Array {
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) octets[i] = <u8>text.charCodeAt(i);
  return octets;
}
