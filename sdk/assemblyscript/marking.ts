import { foldCase } from './address';
import { BodyHead } from './body-insert';
import { Message } from './message';
import { Part } from './part';
import { encodeFor } from './text/charsets';
import { escapeHtml } from './text/html';
import { decodeUtf8, encodeUtf8 } from './utf8';

/** Columns of a warning in a plain text. */
const WIDTH: i32 = 76;
/** Octets of a text that may be written anew because its encoding has no room for the warning. */
const REWRITE: i32 = 256 * 1024;

/** Of a Subject that is marked, and of a word in it. A field that the host refuses would let its sender end every call that marks it. */
const SUBJECT: i32 = 8000;
const WORD: i32 = 900;

/** Puts a tag before the Subject, once. Encoded words (RFC 2047) in the old value stay as they are; what no field may have is cut. */
export function markSubject(tag: string): void {
  const index = Message.headerFind('Subject');
  if (index < 0) return Message.headerAdd('Subject', tag);
  const subject = Message.headerValue(index);
  if (!subject.startsWith(tag)) Message.headerChange(index, tag + ' ' + fitting(subject));
}

function fitting(subject: string): string {
  const words = cut(subject, SUBJECT).replaceAll('\t', ' ').replaceAll('\0', ' ').split(' ');
  for (let i = 0; i < words.length; i++) words[i] = cut(words[i], WORD);
  return words.join(' ');
}

/** Not in the middle of a character. */
function cut(text: string, length: i32): string {
  if (text.length <= length) return text;
  return text.substring(0, (text.charCodeAt(length) & 0xfc00) == 0xdc00 ? length - 1 : length);
}

/** Puts a warning where `insertInBody` puts things. */
export function warnInBody(text: string, parts: Part[], without: Part[] = []): i32 {
  const style =
    'display:block!important;border:2px solid #b00;padding:8px;margin:8px;color:#000;background:#fff';
  return insertInBody(text, '<div style="' + style + '">' + escapeHtml(text) + '</div>', parts, without);
}

/**
 * Puts something at the top of what people read: the first plain text and the first HTML that are no attachments, in their
 * own charset and encoding. Returns in how many. `without` are parts that something else is done to. Left alone is
 * what a signature or encryption covers, an attached message, and a part that readers may see differently. `html` is of ASCII, and
 * has what is not markup through `escapeHtml`; its lines end in CRLF.
 */
export function insertInBody(text: string, html: string, parts: Part[], without: Part[] = []): i32 {
  let hasPlain = false;
  let hasHtml = false;
  const isCovered = new StaticArray<bool>(parts.length);
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    if (without.includes(part) || (i > 0 && isCovered[part.parent]) || covers(part.type)) {
      isCovered[i] = true;
      continue;
    }
    if (part.ambiguous || part.disposition == 'attachment' || part.names.length > 0) continue;
    if (part.type == 'text/plain' && !hasPlain) hasPlain = putInPlain(part, text);
    if (part.type == 'text/html' && !hasHtml) hasHtml = putInHtml(part, html);
  }
  return i32(hasPlain) + i32(hasHtml);
}

/** Whether what is below a part of this type is none of a filter's: signed, encrypted, or another message. */
export function covers(type: string): bool {
  return type == 'multipart/signed' || type == 'multipart/encrypted' || type.startsWith('message/');
}

function putInPlain(part: Part, text: string): bool {
  const lines = wrapped(text) + '\r\n\r\n';
  // Of seven bits, so that nothing is lost if it is called UTF-8 and encoded anew.
  const isNarrow = (part.encoding == '7bit' || part.encoding == '') && !isAscii(lines);
  const charset = foldCase(part.charset);
  const isRewritable = charset == '' || charset == 'us-ascii' || charset == 'utf-8';
  if (isNarrow && isRewritable && part.size <= REWRITE) {
    const body = new Uint8Array(part.size);
    part.replace('text/plain; charset=utf-8', lines + decodeUtf8(body, 0, part.read(0, body)));
    return true;
  }
  const octets = encodeFor(isNarrow ? 'us-ascii' : part.charset, lines);
  if (octets === null) return false;
  const head = new BodyHead(part);
  head.insert(afterMark(head), octets);
  return true;
}

function putInHtml(part: Part, html: string): bool {
  if (encodeFor(part.charset, '') === null) return false;
  const head = new BodyHead(part);
  head.insert(afterBodyTag(head), encodeUtf8(html + '\r\n'));
  return true;
}

/** After a byte order mark. */
function afterMark(head: BodyHead): i32 {
  const octets = head.decoded.octets;
  return head.decoded.length > 2 && octets[0] == 0xef && octets[1] == 0xbb && octets[2] == 0xbf ? 3 : 0;
}

/** After `<body …>`, where it is not in a comment; else at the beginning. */
function afterBodyTag(head: BodyHead): i32 {
  const octets = head.decoded.octets;
  const length = head.decoded.length;
  for (let i = 0; i + 6 < length; i++) {
    if (octets[i] != 0x3c) continue;
    if (spells(octets, i, '<!--')) {
      while (i + 2 < length && !spells(octets, i, '-->')) i++;
      continue;
    }
    if (!spells(octets, i, '<body') || (octets[i + 5] > 0x20 && octets[i + 5] != 0x3e)) continue;
    let quote: u8 = 0;
    for (let end = i + 5; end < length; end++) {
      const octet = octets[end];
      if (quote == 0 && octet == 0x3e) return end + 1;
      if (quote == octet) quote = 0;
      else if (quote == 0 && (octet == 0x22 || octet == 0x27)) quote = octet;
    }
  }
  return afterMark(head);
}

/** Case of letters ignored; `word` is in lower case. */
function spells(octets: Uint8Array, at: i32, word: string): bool {
  if (at + word.length > octets.length) return false;
  for (let i = 0; i < word.length; i++) {
    const octet = octets[at + i];
    if ((octet >= 0x41 && octet <= 0x5a ? octet + 32 : octet) != word.charCodeAt(i)) return false;
  }
  return true;
}

/** In CRLF lines of at most 76 columns, as far as words allow. None begins with `--`, or it might be taken for a boundary. */
function wrapped(text: string): string {
  const lines: string[] = [];
  const given = text.replaceAll('\r', '').split('\n');
  for (let i = 0; i < given.length; i++) {
    let line = '';
    const words = given[i].split(' ');
    for (let j = 0; j < words.length; j++) {
      // A line of mail has at most 998 octets.
      const word = words[j].substring(0, isAscii(words[j]) ? 900 : 200);
      if (line.length > 0 && line.length + 1 + word.length > WIDTH) {
        lines.push(line);
        line = '';
      }
      line = line.length == 0 ? (word.startsWith('--') ? ' ' + word : word) : line + ' ' + word;
    }
    lines.push(line);
  }
  return lines.join('\r\n');
}

function isAscii(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7e) return false;
  }
  return true;
}
