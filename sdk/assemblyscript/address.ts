/** What is after the last `@`, '' if there is none (`postmaster`, the null reverse-path). */
export function domainOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? '' : address.substring(at + 1);
}

/** What is before the last `@`. */
export function localPartOf(address: string): string {
  const at = address.lastIndexOf('@');
  return at < 0 ? address : address.substring(0, at);
}

/**
 * Lower case for ASCII letters, the rest as it is: what domains compare by (RFC 5321 section 2.4). Full Unicode case
 * mapping would cost 10 KB of tables in every plugin.
 */
export function foldCase(text: string): string {
  const folded = new StaticArray<u16>(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    unchecked((folded[i] = <u16>(unit >= 0x41 && unit <= 0x5a ? unit + 0x20 : unit)));
  }
  return String.UTF16.decodeUnsafe(changetype<usize>(folded), text.length << 1);
}
