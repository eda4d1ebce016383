import { decodeUtf8, encodeUtf8 } from '../utf8';
import { octetsOf } from './octets';
import { charsetNamed, isLegacy, pointOf } from './charsets';
import { FromBase64, hexOf } from './decode';
import { base64Of } from './encode';
import { Gathering } from './gathering';
import { statisticsOf } from './statistics';

/** Octets in a charset as text; null if the charset is not known here. '' is UTF-8 if they are that, else `fallback`. */
export function textOf(octets: string, charset: string, fallback: string): string | null {
  const name = charsetNamed(charset);
  if (name == 'utf-8' || ((name == '' || name == 'us-ascii') && statisticsOf(octets).isUtf8)) {
    return decodeUtf8(octetsOf(octets));
  }
  if (name.startsWith('utf-16')) return utf16Of(octets, name);
  const legacy = name == '' || name == 'us-ascii' ? fallback : name;
  if (!isLegacy(legacy)) return null;
  const units: u16[] = [];
  for (let i = 0; i < octets.length; i++) units.push(<u16>pointOf(octets.charCodeAt(i), legacy));
  return String.UTF16.decodeUnsafe(units.dataStart, units.length << 1);
}

/** RFC 2781 section 4.3: big-endian, unless a mark or the name says otherwise. */
function utf16Of(octets: string, name: string): string {
  const hasMark = octets.startsWith('\xfe\xff') || octets.startsWith('\xff\xfe');
  const isLittle = name == 'utf-16le' || (name == 'utf-16' && octets.startsWith('\xff\xfe'));
  const units: u16[] = [];
  for (let i = hasMark ? 2 : 0; i + 1 < octets.length; i += 2) {
    const first = octets.charCodeAt(i);
    const second = octets.charCodeAt(i + 1);
    units.push(<u16>(isLittle ? (second << 8) | first : (first << 8) | second));
  }
  return String.UTF16.decodeUnsafe(units.dataStart, units.length << 1);
}

/** `%41` undone. */
export function percentDecoded(text: string): string {
  const gathering = new Gathering();
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const high = unit == 0x25 && i + 2 < text.length ? hexOf(text.charCodeAt(i + 1)) : -1;
    const low = high >= 0 ? hexOf(text.charCodeAt(i + 2)) : -1;
    if (low < 0) gathering.put(unit);
    else {
      gathering.put((high << 4) | low);
      i += 2;
    }
  }
  return gathering.text;
}

/** Encoded words (RFC 2047) undone, the white space between them gone; null if a charset is not known here. */
export function wordsDecoded(text: string, fallback: string): string | null {
  const pieces: string[] = [];
  let at = 0;
  let afterWord = false;
  while (at < text.length) {
    const begin = text.indexOf('=?', at);
    const end = begin < 0 ? -1 : endOfWord(text, begin);
    if (begin < 0 || end < 0) break;
    const between = text.substring(at, begin);
    if (!afterWord || between.trim().length > 0) pieces.push(plain(between, fallback));
    const parts = text.substring(begin + 2, end - 2).split('?');
    const charset = parts[0].split('*')[0];
    const word = textOf(wordOctets(parts[1], parts[2]), charset, fallback);
    if (word === null) return null;
    pieces.push(word);
    afterWord = true;
    at = end;
  }
  pieces.push(plain(text.substring(at), fallback));
  return pieces.join('');
}

/** Raw octets beyond ASCII belong to no charset. */
function plain(octets: string, fallback: string): string {
  const text = textOf(octets, '', fallback);
  return text === null ? octets : text;
}

/** Where the encoded word that begins there ends; -1 if it is none. */
function endOfWord(text: string, begin: i32): i32 {
  const first = text.indexOf('?', begin + 2);
  const second = first < 0 ? -1 : text.indexOf('?', first + 1);
  if (first < 0 || second != first + 2 || !'bBqQ'.includes(text.charAt(first + 1))) return -1;
  const end = text.indexOf('?=', second + 1);
  return end < 0 || text.substring(second + 1, end).includes('?') ? -1 : end + 2;
}

function wordOctets(kind: string, text: string): string {
  const gathering = new Gathering();
  if (kind == 'b' || kind == 'B') {
    const decoder = new FromBase64(gathering);
    for (let i = 0; i < text.length; i++) decoder.put(text.charCodeAt(i));
    return gathering.text;
  }
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    const high = unit == 0x3d && i + 2 < text.length ? hexOf(text.charCodeAt(i + 1)) : -1;
    const low = high >= 0 ? hexOf(text.charCodeAt(i + 2)) : -1;
    if (low >= 0) {
      gathering.put((high << 4) | low);
      i += 2;
    } else gathering.put(unit == 0x5f ? 0x20 : unit);
  }
  return gathering.text;
}

/** Octets of UTF-8 in a word: 45 make 60 letters, and 75 with what is around them (RFC 2047 section 2). */
const WORD_OCTETS: i32 = 45;

/** A text as encoded words in UTF-8, a space between them. */
export function encodedWords(text: string): string {
  const octets = encodeUtf8(text);
  const words: string[] = [];
  for (let at = 0; at < octets.length;) {
    let end = min(octets.length, at + WORD_OCTETS);
    // Not inside a character.
    while (end < octets.length && end > at && (octets[end] & 0xc0) == 0x80) end--;
    words.push('=?utf-8?B?' + base64Of(octets.subarray(at, end)) + '?=');
    at = end;
  }
  return words.join(' ');
}
