import { foldCase } from '../../sdk/assemblyscript';

/** The address of a field with one address, in angle brackets or alone; '' if there are none or several. */
export function addressIn(value: string): string {
  const plain = withoutTexts(value);
  if (plain.indexOf('@') < 0 || plain.indexOf('@') != plain.lastIndexOf('@')) return '';
  const open = plain.indexOf('<');
  const close = plain.indexOf('>');
  if (open < 0 && close < 0) return plain.trim();
  return open >= 0 && close > open ? plain.substring(open + 1, close).trim() : '';
}

/** Without comments and quoted strings: both may hold what looks like an address. */
function withoutTexts(value: string): string {
  let plain = '';
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at++) {
    const letter = value.charAt(at);
    if (letter == '\\') at++;
    else if (letter == '"' && depth == 0) quoted = !quoted;
    else if (quoted) continue;
    else if (letter == '(') depth++;
    else if (letter == ')' && depth > 0) depth--;
    else if (depth == 0) plain += letter;
  }
  return plain;
}

/** `d=` of a DKIM-Signature, in lower case. */
export function signerOf(value: string): string {
  const tags = value.split(';');
  for (let i = 0; i < tags.length; i++) {
    const equals = tags[i].indexOf('=');
    if (equals > 0 && tags[i].substring(0, equals).trim() == 'd')
      return foldCase(tags[i].substring(equals + 1).trim());
  }
  return '';
}
