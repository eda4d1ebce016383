import { foldCase } from '../../sdk/assemblyscript';

/** Who has written an Authentication-Results field (RFC 8601 section 2.2), in lower case: its first word, comments and quotes gone. */
export function authservIdOf(value: string): string {
  let id = '';
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at++) {
    const letter = value.charAt(at);
    if (letter == '\\' && (quoted || depth > 0)) {
      at++;
      if (quoted) id += value.charAt(at);
    } else if (letter == '"' && depth == 0) quoted = !quoted;
    else if (quoted) id += letter;
    else if (letter == '(') depth++;
    else if (letter == ')' && depth > 0) depth--;
    else if (depth > 0) continue;
    else if (letter == ';') break;
    else if (letter != ' ' && letter != '\t') id += letter;
    else if (id != '') break;
  }
  return foldCase(id);
}
