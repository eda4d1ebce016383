import { globMatches, Json, Message, settings } from '../../sdk/assemblyscript';
import { hasHeaders } from '../../sdk/assemblyscript/text/headers';
import { Content } from './content';
import { Tally } from './tally';
import { isUnlike } from './unlike';
import { Words } from './words';

/** The operator's own rules: header fields, words of the text, fields that are missing, an envelope unlike the header. All that a rule names must be so. */
export function applyRules(content: Content, tally: Tally): void {
  const rules = settings().get('rules');
  for (let i = 0; i < rules.length; i++) {
    const rule = rules.at(i);
    if (!isMissing(rule.get('missing').texts())) continue;
    if (!hasHeaders(rule.get('header'))) continue;
    if (!rule.get('unlike').isMissing && !isUnlike(rule.get('unlike').texts(), content)) continue;
    if (!rule.get('text').isMissing && !hasPhrase(rule.get('text'), content.words)) continue;
    tally.add(rule.get('name').text(), rule.get('score').number());
  }
}

function isMissing(names: string[]): bool {
  for (let i = 0; i < names.length; i++) {
    if (Message.headerFind(names[i]) >= 0) return false;
  }
  return true;
}

function hasPhrase(phrases: Json, words: Words): bool {
  const texts = phrases.texts();
  for (let i = 0; i < texts.length; i++) {
    const wanted = patternsOf(texts[i]);
    if (wanted.length > 0 && isThere(wanted, words)) return true;
  }
  return false;
}

/** A phrase as the words of texts are: `*` and `?` stay. */
export function patternsOf(phrase: string): string[] {
  const patterns: string[] = [];
  const pieces = phrase.split(' ');
  for (let i = 0; i < pieces.length; i++) {
    // Letters that are none of a word's, but of a pattern's.
    const words = new Words();
    words.add(pieces[i].replaceAll('*', '\uff0a').replaceAll('?', '\uff1f'));
    for (let j = 0; j < words.list.length; j++) {
      patterns.push(words.list[j].replaceAll('\uff0a', '*').replaceAll('\uff1f', '?'));
    }
  }
  return patterns;
}

function isThere(patterns: string[], words: Words): bool {
  const first = patterns[0];
  const candidates = isPattern(first) ? words.places.keys() : [first];
  for (let i = 0; i < candidates.length; i++) {
    if (!words.places.has(candidates[i]) || !globMatches(first, candidates[i])) continue;
    const places = words.places.get(candidates[i]);
    for (let p = 0; p < places.length; p++) {
      if (follow(patterns, words.list, places[p])) return true;
    }
  }
  return false;
}

function follow(patterns: string[], list: string[], place: i32): bool {
  if (place + patterns.length > list.length) return false;
  for (let i = 1; i < patterns.length; i++) {
    if (!globMatches(patterns[i], list[place + i])) return false;
  }
  return true;
}

function isPattern(word: string): bool {
  return word.includes('*') || word.includes('?');
}
