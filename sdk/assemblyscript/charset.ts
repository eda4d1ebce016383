import { foldCase } from './address';
import { encodeUtf8 } from './utf8';

/**
 * A text in the charset of a body, null if the charset is none that has ASCII inside it (UTF-16). A character that the charset has
 * not, as far as this table goes, becomes `?`.
 */
export function encodeFor(charset: string, text: string): Uint8Array | null {
  const name = foldCase(charset);
  if (name == 'utf-8' || name == 'utf8') return encodeUtf8(text);
  if (name.startsWith('utf-') || name.startsWith('utf1') || name.startsWith('ucs') || name.startsWith('ibm'))
    return null;
  const isLatin1 = name == 'iso-8859-1' || name == 'latin1' || name == 'windows-1252' || name == 'cp1252';
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    octets[i] = <u8>(unit < 0x80 || (isLatin1 && unit >= 0xa0 && unit <= 0xff) ? unit : 0x3f);
  }
  return octets;
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
