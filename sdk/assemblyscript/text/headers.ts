import { foldCase } from '../address';
import { Json } from '../json';
import { globMatches } from '../match';
import { Message } from '../message';
import { wordsDecoded } from './words';

/** An object of header names and patterns: each name must have a field that matches. */
export function hasHeaders(header: Json): bool {
  for (let i = 0; i < header.length; i++) {
    if (!hasHeader(header.nameAt(i), header.at(i).texts())) return false;
  }
  return true;
}

/** Whether a field of that name matches one of the patterns: encoded words undone, as `plainly` has both. */
export function hasHeader(name: string, patterns: string[]): bool {
  for (let index = Message.headerFind(name), nth = 1; index >= 0; index = Message.headerFind(name, nth++)) {
    const value = plainly(readable(Message.headerValue(index)));
    for (let i = 0; i < patterns.length; i++) {
      if (globMatches(plainly(patterns[i]), value)) return true;
    }
  }
  return false;
}

/** A text to compare: without what nobody sees, wide letters as their ASCII ones, in lower case as far as ASCII goes. */
export function plainly(text: string): string {
  const units: u16[] = [];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    // Those of plane 14 are two units.
    if (unit >= 0xdb40 && unit <= 0xdb43) i++;
    else if (isUnseen(unit)) continue;
    else if (unit >= 0xff01 && unit <= 0xff5e) units.push(<u16>(unit - 0xfee0));
    else units.push(<u16>(unit == 0x3000 || unit == 0xa0 ? 0x20 : unit));
  }
  return foldCase(String.UTF16.decodeUnsafe(units.dataStart, units.length << 1));
}

/** Default_Ignorable_Code_Point of Unicode, of plane 0. */
function isUnseen(unit: i32): bool {
  for (let i = 0; i < UNSEEN.length; i += 2) {
    if (unit >= UNSEEN[i] && unit <= UNSEEN[i + 1]) return true;
  }
  return false;
}

const UNSEEN: StaticArray<i32> = [
  0xad, 0xad, 0x34f, 0x34f, 0x61c, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x180b, 0x180f, 0x200b, 0x200f,
  0x202a, 0x202e, 0x2060, 0x206f, 0x3164, 0x3164, 0xfe00, 0xfe0f, 0xfeff, 0xfeff, 0xffa0, 0xffa0, 0xfff0,
  0xfff8,
];

/** The value of a field as people read it. What is beyond ASCII as it is, outside encoded words, stays. */
export function readable(value: string): string {
  const words = value.split(' ');
  const pieces: string[] = [];
  for (let i = 0; i < words.length; i++) {
    let run = words[i];
    while (isWord(words[i]) && i + 1 < words.length && isWord(words[i + 1])) run += ' ' + words[++i];
    const decoded = isWord(words[i]) ? wordsDecoded(run, 'windows-1252') : run;
    pieces.push(decoded === null ? run : decoded);
  }
  return pieces.join(' ');
}

function isWord(text: string): bool {
  if (!text.includes('=?') || !text.includes('?=')) return false;
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7f) return false;
  }
  return true;
}
