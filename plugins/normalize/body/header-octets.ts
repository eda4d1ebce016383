import { fallbackCharset } from '../policy';
import { Report } from '../report';
import { statisticsOf } from '../../../sdk/assemblyscript/text/statistics';
import { encodedWords, textOf } from '../../../sdk/assemblyscript/text/words';
import { Draft, STRUCTURED } from './draft';
import { fold } from './long-lines';

/** Fields of addresses: only names and comments may become encoded words (RFC 2047 section 5). */
const ADDRESSES: string[] = [
  'from',
  'to',
  'cc',
  'bcc',
  'sender',
  'reply-to',
  'resent-from',
  'resent-to',
  'resent-cc',
  'resent-sender',
  'disposition-notification-to',
];

/** Fields of text. */
const TEXTS: string[] = [
  'subject',
  'comments',
  'keywords',
  'organization',
  'content-description',
  'x-mailer',
  'user-agent',
  'thread-topic',
];

/**
 * The rule `headerOctets`: octets beyond ASCII in a header become encoded words, from UTF-8 if they are that, else from the fallback
 * charset. With SMTPUTF8 UTF-8 stays (RFC 6532).
 */
export function mendHeaderOctets(draft: Draft, report: Report, smtputf8: bool): void {
  const fields = draft.header.fields;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i];
    if (!hasHigh(field.raw) || STRUCTURED.includes(field.name)) continue;
    if (smtputf8 && statisticsOf(field.raw).isUtf8) continue;
    const isAddress = ADDRESSES.includes(field.name);
    const mended =
      isAddress || TEXTS.includes(field.name) || field.name.startsWith('x-')
        ? isAddress
          ? addressesEncoded(field.value)
          : textEncoded(field.value)
        : '';
    const what = 'the header field ' + field.written + ' has octets beyond ASCII';
    if (mended.length == 0) report.cannotMend('headerOctets', what);
    else if (report.mends('headerOctets', draft.section, what)) draft.change(i, fold(field.written, mended));
  }
}

function hasHigh(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) >= 0x80) return true;
  }
  return false;
}

/** Words beyond ASCII, with the white space between neighbours. */
function textEncoded(text: string): string {
  const words = text.split(' ');
  const pieces: string[] = [];
  for (let i = 0; i < words.length; i++) {
    if (!hasHigh(words[i])) {
      pieces.push(words[i]);
      continue;
    }
    let last = i;
    for (let next = i + 1; next < words.length && (hasHigh(words[next]) || words[next].length == 0); next++) {
      if (words[next].length > 0) last = next;
    }
    pieces.push(encoded(words.slice(i, last + 1).join(' ')));
    i = last;
  }
  return pieces.join(' ');
}

function encoded(octets: string): string {
  const text = textOf(octets, '', fallbackCharset());
  return text === null ? '' : encodedWords(text);
}

/** '' if there are such octets in an address itself. */
function addressesEncoded(value: string): string {
  const pieces: string[] = [];
  let at = 0;
  while (at < value.length) {
    const char = value.charAt(at);
    let end = at + 1;
    if (char == '"') {
      while (end < value.length && value.charAt(end) != '"') end += value.charAt(end) == '\\' ? 2 : 1;
      end = min(value.length, end + 1);
      const inner = value.substring(at + 1, max(at + 1, end - 1));
      pieces.push(hasHigh(inner) ? encoded(inner.replaceAll('\\', '')) : value.substring(at, end));
    } else if (char == '<') {
      while (end < value.length && value.charAt(end - 1) != '>') end++;
      const address = value.substring(at, end);
      if (hasHigh(address)) return '';
      pieces.push((pieces.length > 0 && !isBlank(pieces[pieces.length - 1]) ? ' ' : '') + address);
    } else if (',;:()'.includes(char)) pieces.push(char);
    else {
      while (end < value.length && !',;:()<"'.includes(value.charAt(end))) end++;
      const words = value.substring(at, end);
      if (hasHigh(words) && words.includes('@')) return '';
      pieces.push(hasHigh(words) ? textEncoded(words) : words);
    }
    at = end;
  }
  return pieces.join('');
}

function isBlank(piece: string): bool {
  return piece.endsWith(' ') || piece.endsWith('\t');
}
