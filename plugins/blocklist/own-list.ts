import { anyAddressMatches, domainOf, foldCase, Json, Kv, settings } from '../../sdk/assemblyscript';

/**
 * Whether a recipient's own list blocks a sender: by `recipients` in the settings, for the address or for its domain, and by the store, if
 * that is granted. What a recipient allows is not blocked by what that recipient blocks.
 */
export function ownListBlocks(recipient: string, sender: string): bool {
  const list = settings().get('recipients');
  const domain = '@' + domainOf(recipient);
  let blocked = false;
  for (let i = 0; i < list.length; i++) {
    const key = foldCase(list.nameAt(i));
    if (key != recipient && key != domain) continue;
    const own: Json = list.at(i);
    if (anyAddressMatches(own.get('allow').texts(), sender)) return false;
    if (anyAddressMatches(own.get('block').texts(), sender)) blocked = true;
  }
  if (!Kv.isGranted()) return blocked;
  if (anyAddressMatches(linesOf(Kv.getText('allow:' + recipient)), sender)) return false;
  return blocked || anyAddressMatches(linesOf(Kv.getText('block:' + recipient)), sender);
}

/** Patterns, one a line. */
function linesOf(text: string): string[] {
  const lines = text.split('\n');
  const kept: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i].trim();
    if (line.length > 0) kept.push(line);
  }
  return kept;
}
