import { fallbackCharset } from '../policy';
import { Report } from '../report';
import { foldCase } from '../../../sdk/assemblyscript';
import { charsetNamed, isLegacy } from '../../../sdk/assemblyscript/text/charsets';
import { Statistics } from '../../../sdk/assemblyscript/text/statistics';
import { Draft } from './draft';

/**
 * The rule `charset`: the name that a text's charset should have, '' if it should have none. Octets beyond ASCII without a name are
 * UTF-8 if they are well-formed, else in the fallback charset. What names UTF-8 and has more that is none than is keeps no such name; nor
 * does what names ISO-8859-1 keep it, with octets that are controls there. Other charsets are believed.
 */
export function charsetOf(label: string, said: Statistics): string {
  const name = charsetNamed(label);
  // ISO-2022 and its like: 7 bits, and no way to tell which.
  if (!said.hasHigh) return label.length > 0 && name.length == 0 && !said.hasEscape ? 'us-ascii' : name;
  const guess = said.isUtf8 ? 'utf-8' : fallbackCharset();
  if (name.length == 0 || name == 'us-ascii') return guess;
  if (name == 'utf-8') return said.malformed > said.wellFormed ? fallbackCharset() : name;
  if (name == 'iso-8859-1' && said.hasC1) return said.isUtf8 ? 'utf-8' : 'windows-1252';
  return name;
}

/** The rule `charset`: names it in the Content-Type if that is to be changed; gives the charset that the text is in. */
export function mendCharset(draft: Draft, report: Report, said: Statistics): string {
  const label = draft.section.param('charset');
  const charset = charsetOf(label, said);
  if (charset == foldCase(label)) return charset;
  if (!report.mends('charset', draft.section, 'a text names no charset, or not the one that it is in')) {
    return charsetNamed(label);
  }
  draft.typeToChange().set('charset', charset);
  return charset;
}

/** The rule `utf8`: whether a text in that charset becomes UTF-8. */
export function becomesUtf8(draft: Draft, report: Report, charset: string): bool {
  if (!isLegacy(charset) || !report.mends('utf8', draft.section, 'a text is not in UTF-8')) return false;
  draft.typeToChange().set('charset', 'utf-8');
  return true;
}
