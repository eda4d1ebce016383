import { Report } from '../report';
import { foldCase } from '../../../sdk/assemblyscript';
import { ToUtf8 } from '../../../sdk/assemblyscript/text/charsets';
import { decodeRange } from '../../../sdk/assemblyscript/text/decode';
import { ToBase64, ToQuoted } from '../../../sdk/assemblyscript/text/encode';
import { Sink } from '../../../sdk/assemblyscript/text/sink';
import { Statistics } from '../../../sdk/assemblyscript/text/statistics';
import { becomesUtf8, mendCharset } from './charset';
import { Draft } from './draft';
import { Replacement } from './edits';
import { LINE_LIMIT, LONG } from './long-lines';
import { Section } from './section';
import { Split } from './split';
import { isKnownEncoding } from './transfer-encoding';
import { Finder, FromUuencode } from './uuencode';

/** The body of a part without parts, as it is to become. */
export class Leaf {
  section: Section;
  /** It is written anew. */
  isChanged: bool = false;
  /** The encoding that it gets. */
  encoding: string;
  /** The charset from which it becomes UTF-8, '' if it stays. */
  from: string = '';
  /** Uuencoded files go into parts of their own. */
  split: Split | null = null;
  /** The whole body is one uuencoded file. */
  isUuencoded: bool = false;

  constructor(section: Section) {
    this.section = section;
    this.encoding = section.encoding;
  }

  /** Proposes the edits. */
  write(): void {
    if (!this.isChanged) return;
    const section = this.section;
    const out = new Replacement(section.bodyStart, section.bodyEnd);
    const split = this.split;
    if (split !== null) split.write(this, out);
    else {
      let sink = this.encoder(out, section.endsMessage);
      if (this.isUuencoded) sink = new FromUuencode(sink);
      decodeRange(section.bodyStart, section.bodyEnd, section.encoding, sink);
    }
    out.finish();
  }

  /** What takes the octets of the text, or of the file, and puts them into the message. */
  encoder(out: Sink, ends: bool): Sink {
    const encoded =
      this.encoding == 'base64'
        ? new ToBase64(out, ends)
        : this.encoding == 'quoted-printable'
          ? new ToQuoted(out)
          : out;
    return this.from.length > 0 ? new ToUtf8(this.from, encoded) : encoded;
  }
}

/** Has the rules `uuencode`, `charset`, `utf8`, `longLines` and `transferEncoding` look at a body. */
export function planLeaf(draft: Draft, report: Report): Leaf {
  const section = draft.section;
  const leaf = new Leaf(section);
  const lines = section.lines;
  if (section.encoding == 'x-uuencode') {
    planUuencoded(draft, report, leaf);
    return leaf;
  }
  const isLong = lines.longest > LINE_LIMIT;
  if (!isKnownEncoding(section.encoding) || section.isMultipart) {
    if (isLong) report.cannotMend('longLines', LONG);
    return leaf;
  }
  let hasNul = false;
  if (section.type.startsWith('text/')) {
    const said = statisticsIn(section);
    hasNul = said.hasNul;
    const charset = mendCharset(draft, report, said);
    if (said.hasHigh && becomesUtf8(draft, report, charset)) {
      leaf.from = charset;
      leaf.isChanged = true;
    }
    if (section.type == 'text/plain') planFiles(draft, report, leaf);
  }
  if (isLong) planShorterLines(draft, report, leaf, hasNul);
  if (!section.isIdentity || leaf.encoding != section.encoding) return leaf;
  if (section.encoding != '7bit' || !lines.hasHigh || leaf.split !== null) return leaf;
  if (report.mends('transferEncoding', section, 'a part has octets beyond ASCII and does not say 8bit')) {
    draft.encoding = '8bit';
  }
  return leaf;
}

/** A body that says that it is encoded so, which no standard knows. */
function planUuencoded(draft: Draft, report: Report, leaf: Leaf): void {
  const section = draft.section;
  const finder = new Finder();
  decodeRange(section.bodyStart, section.bodyEnd, '7bit', finder);
  const isFile = finder.blocks.length == 1 && !finder.blocks[0].hasTextBefore && !finder.hasTextAfter;
  if (!isFile) return report.cannotMend('uuencode', 'a part is uuencoded and malformed');
  if (!report.mends('uuencode', section, 'a part is uuencoded')) return;
  leaf.isChanged = true;
  leaf.isUuencoded = true;
  leaf.encoding = 'base64';
  draft.encoding = 'base64';
}

function statisticsIn(section: Section): Statistics {
  const said = new Statistics();
  // ASCII as it is needs no second look, but for what a charset of 7 bits begins with.
  if (section.isIdentity && !section.lines.hasHigh && section.param('charset').length == 0) return said;
  decodeRange(section.bodyStart, section.bodyEnd, section.encoding, said);
  return said;
}

function planFiles(draft: Draft, report: Report, leaf: Leaf): void {
  const section = draft.section;
  if (section.isIdentity && !section.lines.hasBegin) return;
  if (foldCase(section.header.value('content-disposition')).startsWith('attachment')) return;
  const finder = new Finder();
  decodeRange(section.bodyStart, section.bodyEnd, section.encoding, finder);
  if (finder.blocks.length == 0) return;
  if (!report.mends('uuencode', section, 'a text has a uuencoded file in it')) return;
  leaf.isChanged = true;
  // What stays as it is could have a line that is a delimiter; what is quoted can't: `=_` is never in it.
  if (section.isIdentity && section.lines.hasOwnBoundary) leaf.encoding = 'quoted-printable';
  leaf.split = new Split(draft, finder, leaf.encoding);
}

function planShorterLines(draft: Draft, report: Report, leaf: Leaf, hasNul: bool): void {
  const section = draft.section;
  // What a report's status has must stay readable (RFC 3464 section 2.1).
  if (section.type.startsWith('message/')) return report.cannotMend('longLines', LONG);
  if (!report.mends('longLines', section, LONG)) return;
  leaf.isChanged = true;
  if (section.isIdentity)
    leaf.encoding = section.type.startsWith('text/') && !hasNul ? 'quoted-printable' : 'base64';
  const split = leaf.split;
  if (split !== null) split.textEncoding = leaf.encoding;
  else if (leaf.encoding != section.encoding) draft.encoding = leaf.encoding;
}
