/** Undoes the encoding of ESMTP parameters (RFC 3461 section 4): `+2B` is a plus sign. What is no encoding stays. */
export function decodeXtext(text: string): string {
  return text.replace(/\+([0-9A-F]{2})/g, (_match, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
