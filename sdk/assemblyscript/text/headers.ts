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

/** Whether a field of that name matches one of the patterns: encoded words undone, in lower case as far as ASCII goes. */
export function hasHeader(name: string, patterns: string[]): bool {
  for (let index = Message.headerFind(name), nth = 1; index >= 0; index = Message.headerFind(name, nth++)) {
    const value = foldCase(readable(Message.headerValue(index)));
    for (let i = 0; i < patterns.length; i++) {
      if (globMatches(foldCase(patterns[i]), value)) return true;
    }
  }
  return false;
}

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
