import { foldCase } from '../address';
import { encodeUtf8 } from '../utf8';
import { Sink } from './sink';

/** The upper half of windows-1252 that is not as in ISO-8859-1: 0x80 to 0x9F (Encoding Standard). */
const WINDOWS_1252: StaticArray<u16> = [
  0x20ac, 0x81, 0x201a, 0x192, 0x201e, 0x2026, 0x2020, 0x2021, 0x2c6, 0x2030, 0x160, 0x2039, 0x152, 0x8d,
  0x17d, 0x8f, 0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x2dc, 0x2122, 0x161, 0x203a,
  0x153, 0x9d, 0x17e, 0x178,
];

/** RFC 1489: 0x80 to 0xFF. */
const KOI8_R: string =
  '─│┌┐└┘├┤┬┴┼▀▄█▌▐░▒▓⌠■∙√≈≤≥\u00a0⌡°²·÷═║╒ё╓╔╕╖╗╘╙╚╛╜╝╞╟╠╡Ё╢╣╤╥╦╧╨╩╪╫╬©' +
  'юабцдефгхийклмнопярстужвьызшэщчъЮАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗШЭЩЧЪ';

/** The charsets whose octets are known here. */
export function isLegacy(charset: string): bool {
  return (
    charset == 'iso-8859-1' || charset == 'iso-8859-15' || charset == 'windows-1252' || charset == 'koi8-r'
  );
}

/** The code point of an octet in a charset that `isLegacy` knows. */
export function pointOf(octet: i32, charset: string): i32 {
  if (octet < 0x80) return octet;
  if (charset == 'koi8-r') return KOI8_R.charCodeAt(octet - 0x80);
  // What claims to be ISO-8859-1 and has octets in the range of controls is windows-1252, as the Encoding Standard has it.
  if (octet < 0xa0) return charset == 'iso-8859-15' ? octet : WINDOWS_1252[octet - 0x80];
  if (charset != 'iso-8859-15') return octet;
  switch (octet) {
    case 0xa4:
      return 0x20ac;
    case 0xa6:
      return 0x160;
    case 0xa8:
      return 0x161;
    case 0xb4:
      return 0x17d;
    case 0xb8:
      return 0x17e;
    case 0xbc:
      return 0x152;
    case 0xbd:
      return 0x153;
    case 0xbe:
      return 0x178;
    default:
      return octet;
  }
}

/** Octets in one of those charsets as UTF-8. */
export class ToUtf8 extends Sink {
  private charset: string;
  private sink: Sink;

  constructor(charset: string, sink: Sink) {
    super();
    this.charset = charset;
    this.sink = sink;
  }

  put(octet: i32): void {
    const point = pointOf(octet, this.charset);
    if (point < 0x80) return this.sink.put(point);
    if (point < 0x800) this.sink.put(0xc0 | (point >> 6));
    else {
      this.sink.put(0xe0 | (point >> 12));
      this.sink.put(0x80 | ((point >> 6) & 0x3f));
    }
    this.sink.put(0x80 | (point & 0x3f));
  }

  end(): void {
    this.sink.end();
  }
}

/** Spellings that are no registered name, with the name; '' is "says nothing". */
const SPELLINGS: string[] = [
  'utf8',
  'utf-8',
  'utf_8',
  'utf-8',
  'utf',
  'utf-8',
  'unicode-1-1-utf-8',
  'utf-8',
  'ascii',
  'us-ascii',
  'us_ascii',
  'us-ascii',
  'usascii',
  'us-ascii',
  'iso8859-1',
  'iso-8859-1',
  'iso_8859-1',
  'iso-8859-1',
  'iso88591',
  'iso-8859-1',
  'iso-88591',
  'iso-8859-1',
  'iso-8859-1-windows-3.1-latin-1',
  'windows-1252',
  'latin1',
  'iso-8859-1',
  'latin-1',
  'iso-8859-1',
  'iso8859-15',
  'iso-8859-15',
  'iso_8859-15',
  'iso-8859-15',
  'latin9',
  'iso-8859-15',
  'latin-9',
  'iso-8859-15',
  'cp1252',
  'windows-1252',
  'cp-1252',
  'windows-1252',
  'windows1252',
  'windows-1252',
  'win-1252',
  'windows-1252',
  'x-cp1252',
  'windows-1252',
  'ansi',
  'windows-1252',
  'koi8r',
  'koi8-r',
  'koi8',
  'koi8-r',
  'unknown',
  '',
  'unknown-8bit',
  '',
  'x-unknown',
  '',
  'x-unknown-1',
  '',
  'default',
  '',
  'default_charset',
  '',
  'default-charset',
  '',
  'x-user-defined',
  '',
  'charset',
  '',
  'none',
  '',
  '8bit',
  '',
  '7bit',
  '',
  'binary',
  '',
  'utf-8 charset',
  'utf-8',
];

/** The name of a charset; what is not known is given back in lower case. */
export function charsetNamed(label: string): string {
  const name = foldCase(label.trim());
  for (let i = 0; i < SPELLINGS.length; i += 2) {
    if (SPELLINGS[i] == name) return SPELLINGS[i + 1];
  }
  return name;
}

/**
 * A text in the charset of a body; null if the charset is none that has ASCII inside it (UTF-16). A character that the charset has not, as
 * far as it is known here, becomes `?`.
 */
export function encodeFor(label: string, text: string): Uint8Array | null {
  const charset = charsetNamed(label);
  if (charset == 'utf-8') return encodeUtf8(text);
  for (let i = 0; i < WITHOUT_ASCII.length; i++) {
    if (charset.startsWith(WITHOUT_ASCII[i])) return null;
  }
  const octets = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) octets[i] = <u8>octetOf(text.charCodeAt(i), charset);
  return octets;
}

const WITHOUT_ASCII: string[] = ['utf-', 'utf1', 'ucs', 'ibm'];

function octetOf(unit: i32, charset: string): i32 {
  if (unit < 0x80) return unit;
  // Where `pointOf` forgives, this does not: there are controls.
  const first = charset.startsWith('iso-') ? 0xa0 : 0x80;
  for (let octet = first; isLegacy(charset) && octet <= 0xff; octet++) {
    if (pointOf(octet, charset) == unit) return octet;
  }
  return 0x3f;
}
