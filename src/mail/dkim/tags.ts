import { isHostDomain } from './domain.ts';

/** The tags of a signature field or of a key record, `n=v; n=v` (RFC 6376 section 3.2), white space around names and values gone. */
export type Tags = ReadonlyMap<string, string>;

/** A longer one is nobody's signature; the widest of real ones have a few KB of `h=` and `z=`. */
const LIMIT = 32 * 1024;

/** Undefined if it is no such list, or has a tag twice. */
export function parseTags(text: string): Tags | undefined {
  if (text.length > LIMIT) return undefined;
  const tags = new Map<string, string>();
  const items = text.split(';');
  for (const [index, item] of items.entries()) {
    const trimmed = trimFolds(item);
    if (trimmed === '' && index === items.length - 1) break;
    const equals = trimmed.indexOf('=');
    const name = trimFolds(trimmed.slice(0, Math.max(0, equals)));
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name) || tags.has(name)) return undefined;
    tags.set(name, trimFolds(trimmed.slice(equals + 1)));
  }
  return tags;
}

/** By hand: a regular expression for the end takes time by the square of the white space within, and strangers write it. */
function trimFolds(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && FOLDS.includes(text[start]!)) start += 1;
  while (end > start && FOLDS.includes(text[end - 1]!)) end -= 1;
  return text.slice(start, end);
}

const FOLDS = ' \t\r\n';

/** Base64 may be folded anywhere. Undefined if it is none. */
export function base64Of(value: string | undefined): Buffer | undefined {
  const text = value?.replace(/[ \t\r\n]+/g, '');
  if (text === undefined || !/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return undefined;
  return Buffer.from(text, 'base64');
}

/** Items between colons, white space around them gone. */
export const listOf = (value: string): string[] => value.split(':').map(trimFolds);

/** A whole number of at most twelve digits. */
export const wholeOf = (value: string | undefined): number | undefined =>
  value !== undefined && /^\d{1,12}$/.test(value) ? Number(value) : undefined;

/** Where the public key of a selector is, or undefined if these are no names. */
export function keyNameOf({ domain, selector }: { domain: string; selector: string }): string | undefined {
  const name = `${selector}._domainkey.${domain}`;
  return isHostDomain(domain) && isHostDomain(name) ? name.toLowerCase() : undefined;
}
