import { Report } from '../report';
import { Draft, STRUCTURED } from './draft';
import { replaceOctets } from './edits';
import { Section } from './section';

/** RFC 5321 section 4.5.3.1.6, without the line end. */
export const LINE_LIMIT: i32 = 998;
const LINE_GOAL: i32 = 76;

/** The rule `longLines` for the header: folds fields whose lines are too long, at white space that they have. */
export function mendHeaderLines(draft: Draft, report: Report): void {
  const fields = draft.header.fields;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    if (field.raw.length <= LINE_LIMIT || longestLine(field.raw) <= LINE_LIMIT) continue;
    if (STRUCTURED.includes(field.name)) {
      // These are composed anew, a parameter on each line.
      if (field.name == 'content-type' && report.mends('longLines', draft.section, LONG))
        draft.typeToChange();
      continue;
    }
    const folded = fold(field.written, field.value);
    if (longestLine(folded) > LINE_LIMIT) report.cannotMend('longLines', LONG);
    else if (report.mends('longLines', draft.section, LONG)) draft.change(i, folded);
  }
}

export const LONG: string = 'a line is longer than 998 octets';

/** The rule `longLines` for what stands before and after the parts of a multipart, which is for nobody: it goes. */
export function removeLongMargins(section: Section, report: Report): void {
  if (!section.isMultipart || section.isEmpty) return;
  if (
    section.lines.longest > LINE_LIMIT &&
    section.firstDelimiter > 0 &&
    report.mends('longLines', section, LONG)
  ) {
    replaceOctets(section.bodyStart, section.firstDelimiter, '');
  }
  if (section.epilogue.longest > LINE_LIMIT && report.mends('longLines', section, LONG)) {
    replaceOctets(section.epilogueStart, section.bodyEnd, '');
  }
}

/** A field with its line end, folded before words. */
export function fold(name: string, value: string): string {
  const words = value.split(' ');
  const lines: string[] = [];
  let line = name + ':';
  let isFirst = true;
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (!isFirst && word.length > 0 && line.length + 1 + word.length > LINE_GOAL) {
      lines.push(line);
      line = '';
    }
    line += ' ' + word;
    if (word.length > 0) isFirst = false;
  }
  lines.push(line);
  return lines.join('\r\n') + '\r\n';
}

function longestLine(raw: string): i32 {
  let longest = 0;
  const lines = raw.split('\r\n');
  for (let i = 0; i < lines.length; i++) longest = max(longest, lines[i].length);
  return longest;
}
