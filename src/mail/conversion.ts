import type { SyncByteSource } from '../base/spool.ts';
import { addField } from './header-edit.ts';
import type { HeaderIndex } from './header-index.ts';
import { isProblem, type Problem, type Splice } from './image.ts';
import { holdsMessage, indexMime, type MimePart } from './mime-index.ts';
import { surveyOctets, type OctetSurvey } from './octet-survey.ts';
import { headerOf } from './part-edit.ts';
import { Window } from './window.ts';

/**
 * What has to change of a message for a server that takes no binary or no 8-bit mail (RFC 6152 section 3, RFC 3030 section 3).
 *
 * Each part whose octets don't fit is encoded, text in quoted-printable and all else in base64, so that decoding gives back every octet;
 * also one with lines over 998 octets, and one that is not what its Content-Transfer-Encoding says. Labels are set to what is true then, those of
 * the multiparts and messages around it included (RFC 2045 section 6.4). Preambles and epilogues, which nobody reads, lose their 8-bit octets. What fits
 * stays as it is: a message without anything to encode is not touched.
 *
 * Can't be converted: a header beyond ASCII, for which there is no encoding that all fields allow; a part that must not be encoded
 * (RFC 2046 section 5.2) or whose encoding is not known; and what the MIME index does not take apart to its end.
 */
export function planConversion(source: SyncByteSource, needs: LineOctets): readonly Edit[] | Problem {
  const { parts, complete } = indexMime(source);
  const window = new Window(source);
  if (!complete) {
    const fits = fitsIn(needs, surveyOctets(window, { start: 0, end: source.size }));
    return fits ? [] : { problem: 'it has too many parts, or is nested too deep' };
  }
  const edits: Edit[] = [];
  for (const part of parts) {
    const inner = parts.filter(({ parent }) => parent === part.index);
    const planned = planPart({ source, window, needs, part, parts, inner });
    if (isProblem(planned)) return planned;
    // A field added to a message right behind the fields of the part that holds it would be the part's.
    const holder = parts[part.parent];
    const isInner = holder !== undefined && holdsMessage(holder.type);
    if (planned.length > 0 && isInner && headerOf(source, holder).ending !== 'emptyLine') {
      return { problem: 'a message in it begins without an empty line' };
    }
    edits.push(...planned);
  }
  // A stable sort: what is inserted at one place keeps its order.
  return edits.toSorted((a, b) => a.offset - b.offset || Number(a.remove > 0) - Number(b.remove > 0));
}

/** Lines of ASCII, or of any octets but CR, LF and NUL (RFC 2045 sections 2.7 and 2.8). */
export type LineOctets = '7bit' | '8bit';

/** Octets for octets, or a body for the same in another encoding. */
export type Edit = Splice | Recoding;

export interface Recoding {
  readonly offset: number;
  readonly remove: number;
  /** Before what is encoded. */
  readonly lead: string;
  /** The encoding that it has, in lower case, to be undone; `binary` if it has none. */
  readonly from: string;
  /** `ascii`: what is not ASCII becomes a question mark. */
  readonly to: 'quoted-printable' | 'base64' | 'ascii';
}

interface Planning {
  readonly source: SyncByteSource;
  /** Of the source. */
  readonly window: Window;
  readonly needs: LineOctets;
  readonly part: MimePart;
  readonly parts: readonly MimePart[];
  /** The parts right below it. */
  readonly inner: readonly MimePart[];
}

/** RFC 5321 section 4.5.3.1.6, without CRLF. */
const LINE_LIMIT = 998;
/** What it says of octets that stand there as they are. */
const LABELS = ['7bit', '8bit', 'binary'];
const UNDOABLE = ['base64', 'quoted-printable', ...LABELS];
const ENCODING = 'Content-Transfer-Encoding';

function fitsIn(needs: LineOctets, { is8Bit, isBinary, longestLine }: OctetSurvey): boolean {
  return !isBinary && longestLine <= LINE_LIMIT && (needs === '8bit' || !is8Bit);
}

function planPart(planning: Planning): Edit[] | Problem {
  const { window, needs, part, inner } = planning;
  const bodyStart = part.offset + part.headerSize;
  const { is8Bit, isBinary } = surveyOctets(window, { start: part.offset, end: bodyStart });
  if (isBinary) return { problem: 'a header has a NUL, or a bare CR or LF' };
  if (is8Bit && needs === '7bit') return { problem: 'a header has octets beyond ASCII' };
  return inner.length > 0 ? planComposite(planning) : planLeaf(planning);
}

function planComposite({ source, window, needs, part, inner }: Planning): Edit[] | Problem {
  const header = headerOf(source, part);
  const edits: Edit[] = [];
  let start = part.offset + part.headerSize;
  const bodyEnd = start + part.size;
  for (const next of [...inner, undefined]) {
    const end = next?.offset ?? bodyEnd;
    const between = surveyOctets(window, { start, end });
    if (between.isBinary) return { problem: 'there is a NUL, or a bare CR or LF, between its parts' };
    if (between.is8Bit && needs === '7bit') {
      // Only there can a boundary be beyond ASCII.
      if (/boundary\s*\*/i.test(header.first('Content-Type') ?? ''))
        return { problem: 'a boundary is encoded' };
      edits.push({ offset: start, remove: end - start, lead: '', from: 'binary', to: 'ascii' });
    }
    if (next !== undefined) start = next.offset + next.headerSize + next.size;
  }
  if (LABELS.indexOf(part.encoding) <= LABELS.indexOf(needs)) return edits;
  const label = labelled(header, needs);
  return isProblem(label) ? label : [...label, ...edits];
}

function planLeaf(planning: Planning): Edit[] | Problem {
  const { source, window, needs, part } = planning;
  const { encoding, type, size } = part;
  const offset = part.offset + part.headerSize;
  const header = headerOf(source, part);
  const survey = surveyOctets(window, { start: offset, end: offset + size });
  if (fitsIn(needs, survey)) {
    const isTrue = LABELS.indexOf(encoding) <= LABELS.indexOf(needs);
    return isTrue ? [] : labelled(header, survey.is8Bit ? '8bit' : '7bit');
  }
  if (type.startsWith('multipart/') || UNENCODED.has(type)) {
    return { problem: `a part of type ${type} must not be encoded` };
  }
  if (!UNDOABLE.includes(encoding)) return { problem: `the encoding ${encoding} is not known` };
  const fitting = type.startsWith('text/') ? 'quoted-printable' : 'base64';
  const to = encoding === 'base64' || encoding === 'quoted-printable' ? encoding : fitting;
  const label = labelled(header, to);
  if (isProblem(label)) return label;
  const lead = header.ending === 'emptyLine' ? '' : '\r\n';
  const added = Buffer.from(missingFields(header, { ...planning, survey }));
  return [
    ...(added.length > 0 ? [addField(header, added)] : []),
    ...label,
    { offset, remove: size, lead, from: encoding, to },
  ];
}

/** RFC 2046 section 5.2; RFC 6532 section 3.7 has `message/global` encoded, but then it is no message for most readers. */
const UNENCODED = new Set(['message/rfc822', 'message/global', 'message/partial', 'message/external-body']);

/** What makes a part say that it is encoded text of some charset (RFC 1428 section 3), where it said nothing. */
function missingFields(
  header: HeaderIndex,
  { part, parts, survey }: Planning & { survey: OctetSurvey },
): string {
  const isMessage = part.parent === -1 || holdsMessage(parts[part.parent]!.type);
  const lacks = (name: string): boolean => header.find(name) === undefined;
  const version = isMessage && lacks('MIME-Version') ? 'MIME-Version: 1.0\r\n' : '';
  const untyped = lacks('Content-Type') && survey.is8Bit;
  return version + (untyped ? 'Content-Type: text/plain; charset=unknown-8bit\r\n' : '');
}

/** The splices that have a header name this encoding, once. */
function labelled(header: HeaderIndex, encoding: string): Splice[] | Problem {
  const bytes = Buffer.from(`${ENCODING}: ${encoding}\r\n`);
  const [first, ...others] = header.named(ENCODING);
  if (first === undefined) return [addField(header, bytes)];
  if (others.some((index) => header.value(index) !== header.value(first))) {
    return { problem: 'a part has two encodings' };
  }
  return [first, ...others].map((index) => {
    const { start, end } = header.fields[index]!;
    return { offset: start, remove: end - start, bytes: index === first ? bytes : Buffer.alloc(0) };
  });
}
