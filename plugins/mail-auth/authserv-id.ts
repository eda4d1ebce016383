import { foldCase } from '../../sdk/assemblyscript';

/** RFC 8601 section 2.2: a token, or a quoted string with its quotes (RFC 2045 section 5.1). So nothing in it ends it early. */
export function isAuthservId(text: string): bool {
  const end = text.length - 1;
  if (text.charAt(0) != '"') return text.length > 0 && isAllToken(text);
  for (let at = 1; at < end; at++) {
    if (text.charAt(at) == '\\') at++;
    else if (text.charAt(at) == '"') return false;
    if (at >= end || text.charCodeAt(at) < 0x20 || text.charCodeAt(at) > 0x7e) return false;
  }
  return end > 1 && text.charAt(end) == '"';
}

/**
 * Whether an Authentication-Results field says that we wrote it, to any reader: by its first word, or by what is before its first `;` with
 * white space and comments gone; case, quotes and dots at the end don't count, nor does a version.
 */
export function isInNameOf(authservId: string, value: string): bool {
  const own = new Name(authservId);
  const said = new Name(value);
  return said.word == own.word || said.joined == own.joined;
}

/** Names in lower case. */
class Name {
  word: string = '';
  joined: string = '';

  constructor(value: string) {
    let depth = 0;
    let quoted = false;
    let isWord = true;
    for (let at = 0; at < value.length; at++) {
      const letter = value.charAt(at);
      const isPart = quoted || (depth == 0 && isToken(value.charCodeAt(at)));
      if (letter == '\\' && (quoted || depth > 0)) at++;
      else if (letter == '"' && depth == 0) {
        quoted = !quoted;
        continue;
      } else if (letter == '(' && !quoted) depth++;
      else if (letter == ')' && depth > 0) depth--;
      else if (letter == ';' && !quoted && depth == 0) break;
      if (!isPart) {
        if (this.word.length > 0) isWord = false;
        continue;
      }
      const part = value.charAt(at);
      if (isWord) this.word += part;
      this.joined += part;
    }
    this.word = bare(this.word);
    this.joined = bare(this.joined);
  }
}

function bare(name: string): string {
  let end = name.length;
  while (end > 0 && ' .'.includes(name.charAt(end - 1))) end--;
  return foldCase(name.substring(0, end).trim());
}

function isAllToken(text: string): bool {
  for (let at = 0; at < text.length; at++) {
    if (!isToken(text.charCodeAt(at))) return false;
  }
  return true;
}

function isToken(unit: i32): bool {
  return unit > 0x20 && unit < 0x7f && !'()<>@,;:\\"/[]?='.includes(String.fromCharCode(unit));
}
