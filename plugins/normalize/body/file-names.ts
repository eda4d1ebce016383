import { encodeUtf8, foldCase } from '../../../sdk/assemblyscript';
import { fallbackCharset } from '../policy';
import { Report } from '../report';
import { percentDecoded, textOf, wordsDecoded } from '../../../sdk/assemblyscript/text/words';
import { HEX } from '../../../sdk/assemblyscript/text/encode';
import { Draft } from './draft';
import { Param, Params, quoted } from './params';

/** Octets: what file systems take. */
const NAME_LIMIT: i32 = 255;

/**
 * The rule `fileNames`: no path, control or direction mark in a name, no encoding inside another one, no octets without a charset, and
 * one name for all who read it. A name in a charset that is not known here stays.
 */
export function mendFileNames(draft: Draft, report: Report): void {
  const header = draft.header;
  const type = new Params(header.value('content-type'));
  const disposition = new Params(header.value('content-disposition'));
  const inType = type.has('name');
  const inDisposition = disposition.has('filename');
  if (!inType && !inDisposition) return;
  const typeName = inType ? nameIn(type, 'name') : '';
  const filename = inDisposition ? nameIn(disposition, 'filename') : '';
  if (typeName === null || filename === null) return;
  const name = filename.length > 0 ? filename : typeName;
  const clean = cleanedName(name);
  const sound =
    clean == name &&
    (!inType || (typeName == name && isSound(type, 'name'))) &&
    (!inDisposition || (filename == name && isSound(disposition, 'filename')));
  if (sound || !report.mends('fileNames', draft.section, 'the name of a file is malformed')) return;
  const raw = rawName(clean);
  if (inType) draft.typeToChange().set('name', raw);
  if (!inDisposition) return;
  disposition.set('filename', raw);
  draft.disposition = disposition;
}

/** As a parameter has it. */
export function rawName(name: string): string {
  return isPrintable(name) ? quoted(name) : extended(name);
}

/** RFC 2231 and RFC 2047 undone; null if its charset is not known here. */
function nameIn(params: Params, name: string): string | null {
  const fallback = fallbackCharset();
  const whole = params.find(name + '*');
  if (whole !== null) return extendedText(whole.text, fallback);
  let octets = '';
  for (let i = 0; ; i++) {
    const encoded = params.find(name + '*' + i.toString() + '*');
    const plain = params.find(name + '*' + i.toString());
    if (encoded !== null) octets += encoded.text;
    else if (plain !== null) octets += plain.text.replaceAll('%', '%25');
    else if (i == 0) break;
    else return extendedText(octets, fallback);
  }
  const plain = params.find(name);
  // Spaces in a name without quotes are meant.
  return plain === null ? '' : wordsDecoded(plain.raw.startsWith('"') ? plain.text : plain.raw, fallback);
}

/** `charset'language'text`, or the text alone. */
function extendedText(text: string, fallback: string): string | null {
  const first = text.indexOf("'");
  const second = first < 0 ? -1 : text.indexOf("'", first + 1);
  if (second < 0) return textOf(percentDecoded(text), '', fallback);
  return textOf(percentDecoded(text.substring(second + 1)), text.substring(0, first), fallback);
}

/** Given once, in ASCII, in quotes if it has to be. */
function isSound(params: Params, name: string): bool {
  let plain = 0;
  let segments = false;
  for (let i = 0; i < params.list.length; i++) {
    const param = params.list[i];
    if (param.name != name && !param.name.startsWith(name + '*')) continue;
    if (params.find(param.name) !== param || !isAscii(param.raw) || param.isOpen || isLoose(param))
      return false;
    if (param.name == name) plain++;
    else segments = true;
  }
  return plain + (segments ? 1 : 0) == 1;
}

function isLoose(param: Param): bool {
  return !param.raw.startsWith('"') && (param.raw.includes(' ') || param.raw.includes('\t'));
}

function isAscii(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0x7e || text.charCodeAt(i) < 0x20) return false;
  }
  return true;
}

/** What a file of that name may be called: the last part of a path, decoded until nothing is left to decode. */
export function cleanedName(name: string): string {
  let text = name;
  for (let i = 0; i < 3 && text.includes('=?'); i++) {
    const decoded = wordsDecoded(text, fallbackCharset());
    if (decoded === null || decoded == text) break;
    text = decoded;
  }
  const kept: string[] = [];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit == 0x2f || unit == 0x5c) kept.length = 0;
    else if (!isUnwanted(unit)) kept.push(text.charAt(i));
  }
  let clean = kept.join('').trim();
  while (clean.endsWith('.') || clean.endsWith(' ')) clean = clean.substring(0, clean.length - 1);
  if (encodeUtf8(clean).length > NAME_LIMIT) clean = shortened(clean);
  return clean.length > 0 ? clean : 'attachment';
}

/** With its extension, which tells what opens it. */
function shortened(name: string): string {
  const dot = name.lastIndexOf('.');
  const extension = dot > 0 && name.length - dot <= 16 ? name.substring(dot) : '';
  let stem = name.substring(0, name.length - extension.length);
  while (encodeUtf8(stem).length + extension.length > NAME_LIMIT) {
    const last = stem.charCodeAt(stem.length - 1);
    // Not half of a pair.
    stem = stem.substring(0, stem.length - (last >= 0xdc00 && last <= 0xdfff ? 2 : 1));
  }
  return stem.trim() + extension;
}

/** Controls, marks that make text run backwards, and what shows nothing. */
function isUnwanted(unit: i32): bool {
  return (
    unit < 0x20 ||
    (unit >= 0x7f && unit < 0xa0) ||
    unit == 0x200b ||
    (unit >= 0x202a && unit <= 0x202e) ||
    (unit >= 0x2066 && unit <= 0x2069) ||
    unit == 0xfeff
  );
}

function isPrintable(text: string): bool {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) < 0x20 || text.charCodeAt(i) > 0x7e) return false;
  }
  return true;
}

/** RFC 2231 section 4. */
function extended(text: string): string {
  const octets = encodeUtf8(text);
  const pieces: string[] = ["utf-8''"];
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i];
    const letter = foldCase(String.fromCharCode(octet));
    if ((letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || '.-_'.includes(letter)) {
      pieces.push(String.fromCharCode(octet));
    } else pieces.push('%' + HEX.charAt(octet >> 4) + HEX.charAt(octet & 15));
  }
  return pieces.join('');
}
