import { Report } from '../report';
import { Draft } from './draft';
import { replaceOctets } from './edits';
import { quoted } from './params';
import { Section } from './section';

/**
 * The rule `boundaries`: a header without its end; a boundary parameter that is missing or names another boundary than the body has;
 * delimiters that go on behind it.
 */
export function mendBoundary(draft: Draft, report: Report): void {
  const section = draft.section;
  if (section.header.endsInJunk) {
    draft.ends = report.mends('boundaries', section, 'a header has a line that is no field');
  }
  if (!section.isMultipart) return;
  if (section.isEmpty) return report.cannotMend('boundaries', 'a multipart has no parts');
  const what = 'a multipart has no boundary, or another one than it names';
  if (section.boundaryFound && report.mends('boundaries', section, what)) {
    draft.typeToChange().set('boundary', quoted(section.boundary));
  }
  const tailed = 'a delimiter goes on behind its boundary';
  if (section.tails.length > 0) report.mends('boundaries', section, tailed);
  if (section.keepsTail) report.cannotMend('boundaries', tailed);
  if (!section.isClosed) report.mends('boundaries', section, 'a multipart has no end');
}

/** The rule `boundaries`: takes off what stands behind delimiters. */
export function cutTails(section: Section): void {
  const tails = section.tails;
  for (let i = 0; i < tails.length; i += 2) replaceOctets(tails[i], tails[i + 1], '\r\n');
}

/** The rule `boundaries`: closes multiparts that do not end, the innermost first. After all edits of what they hold. */
export function closeMultiparts(sections: Section[], report: Report): void {
  let last = -1;
  for (let i = sections.length - 1; i >= 0; i--) {
    const section = sections[i];
    if (!section.isMultipart || section.isEmpty || section.isClosed) continue;
    if (!report.mends('boundaries', section, '')) continue;
    const at = section.closeAt;
    // Before a delimiter there is a line end that belongs to it. At the end the last one belongs to the last part.
    const lead = section.endsMessage && at != last ? '\r\n' : '';
    replaceOctets(at, at, lead + '--' + section.boundary + '--\r\n');
    last = at;
  }
}
