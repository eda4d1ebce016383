import { foldCase } from '../../sdk/assemblyscript';

/**
 * Whether what an Authentication-Results field says after its authserv-id has this result (`dmarc=pass`) as an item, and the same method
 * with no other (RFC 8601 section 2.2). What stands in comments and quotes strangers have written: a sender's address, for one.
 */
export function saysResult(text: string, method: string, result: string): bool {
  const items = plainItems(text);
  let found = false;
  for (let i = 0; i < items.length; i++) {
    const item = items[i];
    if (!item.startsWith(method + '=')) continue;
    if (item != method + '=' + result) return false;
    found = true;
  }
  return found;
}

/** The beginning of each item, `method=result` in lower case, without comments, quotes and white space. */
function plainItems(text: string): string[] {
  const items: string[] = [];
  let item = '';
  let depth = 0;
  let quoted = false;
  let ended = false;
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at);
    if (letter == '\\' && (quoted || depth > 0)) at++;
    else if (letter == '"' && depth == 0) {
      quoted = !quoted;
      ended = true;
    } else if (quoted) continue;
    else if (letter == '(') depth++;
    else if (letter == ')' && depth > 0) depth--;
    else if (depth > 0) continue;
    else if (letter == ';') {
      items.push(foldCase(item));
      item = '';
      ended = false;
    } else if (letter == ' ' || letter == '\t') ended = ended || isWhole(item);
    else if (!ended) item += letter;
  }
  items.push(foldCase(item));
  return items;
}

/** White space may stand around the sign. */
function isWhole(item: string): bool {
  return item.includes('=') && !item.endsWith('=');
}
