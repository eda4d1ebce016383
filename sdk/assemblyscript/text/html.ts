import { foldCase } from '../address';

/** Tags that end a word; all others, and comments, may stand inside of one. */
const BREAKS: string[] = [
  'address',
  'blockquote',
  'body',
  'br',
  'center',
  'dd',
  'div',
  'dl',
  'dt',
  'form',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
  'head',
  'hr',
  'img',
  'input',
  'li',
  'ol',
  'option',
  'p',
  'pre',
  'table',
  'tbody',
  'td',
  'th',
  'title',
  'tr',
  'ul',
];
/** Their content is no text. */
const SILENT: string[] = ['script', 'style'];
const REFERENCES: string[] = ['amp', '&', 'lt', '<', 'gt', '>', 'quot', '"', 'apos', "'", 'nbsp', ' '];

/** A page as text: tags, comments, scripts and styles gone, character references undone. What is in `href` and `src` is put into `links`. */
export function textOfHtml(html: string, links: string[]): string {
  const text = new StaticArray<u16>(html.length);
  let size = 0;
  for (let at = 0; at < html.length;) {
    const unit = html.charCodeAt(at);
    if (unit == 0x26) {
      const end = endOfReference(html, at);
      const point = end < 0 ? -1 : pointOfReference(html.substring(at + 1, end));
      if (point >= 0) {
        // A reference has at least four characters, so there is room for two.
        if (point > 0xffff) {
          text[size++] = <u16>(0xd7c0 + (point >> 10));
          text[size++] = <u16>(0xdc00 | (point & 0x3ff));
        } else text[size++] = <u16>point;
        at = end + 1;
        continue;
      }
    }
    if (unit != 0x3c || !beginsTag(html, at + 1)) {
      text[size++] = <u16>unit;
      at++;
      continue;
    }
    const end = endOfTag(html, at);
    const tag = html.substring(at + 1, end);
    const name = nameOfTag(tag);
    at = end + 1;
    if (BREAKS.includes(name)) text[size++] = 0x20;
    addLink(tag, 'href', links);
    addLink(tag, 'src', links);
    if (SILENT.includes(name) && !tag.startsWith('/')) at = endOfSilence(html, at, name);
  }
  return String.UTF16.decodeUnsafe(changetype<usize>(text), size << 1);
}

/** `<` is text where no name, `/`, `!` or `?` comes after it. */
function beginsTag(html: string, at: i32): bool {
  const unit = at < html.length ? html.charCodeAt(at) : 0;
  const letter = unit | 0x20;
  return (letter >= 0x61 && letter <= 0x7a) || unit == 0x2f || unit == 0x21 || unit == 0x3f;
}

/** Where the `>` is, the end of the text if there is none. */
function endOfTag(html: string, at: i32): i32 {
  if (html.substr(at, 4) == '<!--') {
    const end = html.indexOf('-->', at + 4);
    return end < 0 ? html.length : end + 2;
  }
  let quote = 0;
  for (let i = at + 1; i < html.length; i++) {
    const unit = html.charCodeAt(i);
    if (quote == 0 && unit == 0x3e) return i;
    if (unit == quote) quote = 0;
    else if (quote == 0 && (unit == 0x22 || unit == 0x27) && html.charCodeAt(i - 1) == 0x3d) quote = unit;
  }
  // A quote that nobody closed: then the first `>` ends it.
  const end = html.indexOf('>', at);
  return end < 0 ? html.length : end;
}

function nameOfTag(tag: string): string {
  const from = tag.startsWith('/') ? 1 : 0;
  let to = from;
  while (to < tag.length && tag.charCodeAt(to) > 0x20 && tag.charCodeAt(to) != 0x2f) to++;
  return foldCase(tag.substring(from, to));
}

function endOfSilence(html: string, at: i32, name: string): i32 {
  for (let end = html.indexOf('</', at); end >= 0; end = html.indexOf('</', end + 2)) {
    if (foldCase(html.substr(end + 2, name.length)) == name) return end;
  }
  return html.length;
}

function addLink(tag: string, attribute: string, links: string[]): void {
  const begin = foldCase(tag).indexOf(attribute + '=');
  if (begin < 0) return;
  const value = tag.substring(begin + attribute.length + 1);
  const quote = value.charAt(0);
  const isQuoted = quote == '"' || quote == "'";
  const end = isQuoted ? value.indexOf(quote, 1) : value.indexOf(' ');
  links.push(value.substring(isQuoted ? 1 : 0, end < 0 ? value.length : end).trim());
}

/** Where the `;` of a reference is, -1 if it is none. */
function endOfReference(html: string, at: i32): i32 {
  const end = html.indexOf(';', at);
  return end > at + 2 && end < at + 10 ? end : -1;
}

/** Of what stands between `&` and `;`; -1 if it is not known here. */
function pointOfReference(name: string): i32 {
  if (name.charCodeAt(0) == 0x23) {
    const isHex = name.charAt(1) == 'x' || name.charAt(1) == 'X';
    const point = isHex ? I32.parseInt(name.substring(2), 16) : I32.parseInt(name.substring(1), 10);
    return point > 0 && point <= 0x10ffff ? point : -1;
  }
  const index = REFERENCES.indexOf(name);
  return index < 0 || index % 2 != 0 ? -1 : REFERENCES[index + 1].charCodeAt(0);
}

/** ASCII: what HTML would take for markup, and all beyond ASCII, as character references. It means the same in every charset. */
export function escapeHtml(text: string): string {
  const pieces: string[] = [];
  for (let i = 0; i < text.length; i++) {
    const point = <i32>text.codePointAt(i);
    if (point > 0xffff) i++;
    const isPlain =
      point >= 0x20 && point < 0x7f && point != 0x22 && point != 0x26 && point != 0x3c && point != 0x3e;
    pieces.push(
      isPlain ? String.fromCharCode(point) : point == 10 ? '<br>\r\n' : '&#' + point.toString() + ';',
    );
  }
  return pieces.join('');
}
