import { Part } from '../part';
import { textOfHtml } from './html';
import { latin1 } from './octets';
import { textOf } from './words';

/**
 * The text of a part of type `text/…` as people read it, of its first `limit` octets, decoded: encoding and charset undone, HTML without its
 * markup. A charset that is not known counts as windows-1252. What HTML links to is put into `links`.
 */
export function textOfPart(part: Part, limit: i32, links: string[]): string {
  const buffer = new Uint8Array(min(limit, part.size));
  const octets = latin1(buffer, 0, part.read(0, buffer));
  const known = textOf(octets, part.charset, 'windows-1252');
  const text: string = known === null ? octets : known;
  return part.type == 'text/html' ? textOfHtml(text, links) : text;
}
