import { foldCase } from '../../sdk/assemblyscript';

/**
 * The value of an address field (RFC 5322 section 3.4) with other addresses in it: those that are in the map, case ignored, and whole. What is in
 * comments and in quoted strings stays as it is.
 */
export function mapAddresses(value: string, addresses: Map<string, string>): string {
  const folded = new Map<string, string>();
  const keys = addresses.keys();
  for (let i = 0; i < keys.length; i++) folded.set(foldCase(keys[i]), addresses.get(keys[i]));

  let mapped = '';
  let word = '';
  let isQuoted = false;
  let depth = 0;
  for (let i = 0; i < value.length; i++) {
    const sign = value.charAt(i);
    if (sign == '\\' && (isQuoted || depth > 0)) {
      word += sign + value.charAt(++i);
    } else if (sign == '"' && depth == 0) {
      isQuoted = !isQuoted;
      word += sign;
    } else if (isQuoted) {
      word += sign;
    } else if (sign == '(') {
      if (depth++ == 0) {
        mapped += replaced(word, folded);
        word = '';
      }
      word += sign;
    } else if (depth > 0) {
      word += sign;
      if (sign == ')' && --depth == 0) {
        mapped += word;
        word = '';
      }
    } else if (DELIMITERS.includes(sign)) {
      mapped += replaced(word, folded) + sign;
      word = '';
    } else {
      word += sign;
    }
  }
  return mapped + (depth > 0 ? word : replaced(word, folded));
}

const DELIMITERS = ' \t,;:<>';

const replaced = (word: string, folded: Map<string, string>): string => {
  const key = foldCase(word);
  return folded.has(key) ? folded.get(key) : word;
};
