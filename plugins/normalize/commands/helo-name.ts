import { foldCase } from '../../../sdk/assemblyscript';

/**
 * The rule `heloName`: a domain or an address literal (RFC 5321 section 4.1.1.1). Mends a dot at the end, an IPv4 address without its
 * brackets, upper case. An underscore and a single label pass, since too many good clients have them. '' if it can't be mended.
 */
export function mendHeloName(name: string): string {
  if (name.startsWith('[') && name.endsWith(']')) return isLiteral(name) ? name : '';
  let mended = foldCase(name);
  if (mended.endsWith('.')) mended = mended.substring(0, mended.length - 1);
  if (isIPv4(mended)) return '[' + mended + ']';
  return isDomain(mended) ? mended : '';
}

/** RFC 5321 section 4.1.3. What is in an IPv6 literal is only held to its letters. */
function isLiteral(name: string): bool {
  const inner = foldCase(name.substring(1, name.length - 1));
  return inner.startsWith('ipv6:') ? consistsOf(inner.substring(5), '0123456789abcdef:.') : isIPv4(inner);
}

function isIPv4(text: string): bool {
  const parts = text.split('.');
  for (let i = 0; i < parts.length; i++) {
    if (parts[i].length > 3 || !consistsOf(parts[i], '0123456789') || I32.parseInt(parts[i]) > 255)
      return false;
  }
  return parts.length == 4;
}

/** In lower case: labels of 1 to 63 octets, 253 in all. */
function isDomain(text: string): bool {
  const labels = text.split('.');
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (label.length > 63 || !consistsOf(label, 'abcdefghijklmnopqrstuvwxyz0123456789-_')) return false;
    if (label.startsWith('-') || label.endsWith('-')) return false;
  }
  return text.length <= 253;
}

function consistsOf(text: string, allowed: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (!allowed.includes(text.charAt(i))) return false;
  }
  return text.length > 0;
}
