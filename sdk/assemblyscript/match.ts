import { foldCase } from './address';

/** `*` is any run of characters, `?` any one. Both in lower case. At most pattern × text steps. */
export function globMatches(pattern: string, text: string): bool {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    const want = p < pattern.length ? pattern.charCodeAt(p) : -1;
    if (want == 0x2a) {
      star = p++;
      resume = t;
    } else if (want == 0x3f || want == text.charCodeAt(t)) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.length && pattern.charCodeAt(p) == 0x2a) p++;
  return p == pattern.length;
}

/**
 * Whether an address in its normal form matches any of the patterns, in either case: `<>` is the null reverse-path, `@domain` any address of
 * that domain, anything else the whole address. All globs.
 */
export function anyAddressMatches(patterns: string[], address: string): bool {
  for (let i = 0; i < patterns.length; i++) {
    if (addressMatches(foldCase(patterns[i]), address)) return true;
  }
  return false;
}

function addressMatches(pattern: string, address: string): bool {
  if (pattern == '<>') return address.length == 0;
  if (address.length == 0) return false;
  if (!pattern.startsWith('@')) return globMatches(pattern, address);
  const at = address.lastIndexOf('@');
  return at >= 0 && globMatches(pattern, address.substring(at));
}
