/**
 * Octets of any charset as text. Mail names charsets that do not exist and uses others than it names: what cannot be
 * decoded as asked is UTF-8 if it is well-formed, else windows-1252, which knows every octet.
 */
export function decodeCharset(bytes: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return decodeUnlabelled(bytes);
  }
}

/** The same for octets whose charset nobody named. */
export function decodeUnlabelled(bytes: Uint8Array): string {
  try {
    return STRICT_UTF8.decode(bytes);
  } catch {
    return WINDOWS_1252.decode(bytes);
  }
}

const STRICT_UTF8 = new TextDecoder('utf-8', { fatal: true });
const WINDOWS_1252 = new TextDecoder('windows-1252');
