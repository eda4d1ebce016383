import { encodeUtf8 } from '../../sdk/assemblyscript';
import { Content } from './content';
import { registeredDomain } from './links';
import { PLACES } from './table';

/** Tokens of one message. */
const TOKEN_LIMIT: i32 = 3000;
/** Letters of a word that tells something. */
const SHORTEST: i32 = 3;
const LONGEST: i32 = 24;

/** What a message is learnt and known by: its words, those of the Subject apart, and domains; each as its place in the table, once. */
export function tokensOf(content: Content): Uint16Array {
  const places = new Places();
  places.add('from ' + content.author);
  for (let i = 0; i < content.hosts.length; i++) places.add('link ' + registeredDomain(content.hosts[i]));
  const words = content.words.list;
  for (let i = 0; i < words.length && places.count < TOKEN_LIMIT; i++) {
    const word = words[i];
    if (word.length < SHORTEST || word.length > LONGEST) continue;
    if (i < content.subjectWords) places.add('subject ' + word);
    places.add(word);
  }
  return places.list.slice(0, places.count);
}

class Places {
  list: Uint16Array = new Uint16Array(TOKEN_LIMIT + 100);
  count: i32 = 0;
  private known: StaticArray<bool> = new StaticArray<bool>(PLACES);

  add(token: string): void {
    const place = hash(token) & (PLACES - 1);
    if (this.known[place] || this.count == this.list.length) return;
    this.known[place] = true;
    this.list[this.count++] = <u16>place;
  }
}

/** FNV-1a, its upper half folded into the lower. */
function hash(token: string): u32 {
  const octets = encodeUtf8(token);
  let value: u32 = 0x811c9dc5;
  for (let i = 0; i < octets.length; i++) value = (value ^ octets[i]) * 0x01000193;
  return value ^ (value >> 16);
}
