import { decodeCharset, decodeUnlabelled } from './charset.ts';

/**
 * Encoded words, `=?utf-8?q?J=C3=BCrgen?=` (RFC 2047): text in a header beyond ASCII.
 */
const ENCODED_WORD = /=\?([^?\s]+)\?([bq])\?([^?]*)\?=/gi;

/**
 * Decodes all encoded words in a value that is given one character an octet, as `HeaderIndex.value` does. Words side by side are
 * joined before their charset is undone, since some senders split a character between them.
 */
export function decodeWords(value: string): string {
  let result = '';
  let end = 0;
  let pending: { charset: string; chunks: Buffer[] } | undefined;
  const flush = (): void => {
    if (pending !== undefined) result += decodeCharset(Buffer.concat(pending.chunks), pending.charset);
    pending = undefined;
  };

  for (const match of value.matchAll(ENCODED_WORD)) {
    const [word, label = '', encoding = '', text = ''] = match;
    const between = value.slice(end, match.index);
    const charset = label.replace(/\*.*$/, '').toLowerCase(); // RFC 2231 section 5: charset*language
    const joined = end > 0 && /^[ \t]*$/.test(between);
    if (!joined || pending?.charset !== charset) flush();
    if (!joined) result += decodeUnlabelled(Buffer.from(between, 'latin1'));
    pending ??= { charset, chunks: [] };
    pending.chunks.push(encoding.toLowerCase() === 'b' ? Buffer.from(text, 'base64') : decodeQ(text));
    end = match.index + word.length;
  }
  flush();
  return result + decodeUnlabelled(Buffer.from(value.slice(end), 'latin1'));
}

function decodeQ(text: string): Buffer {
  const plain = text.replace(/_/g, ' ').replace(/=([0-9a-f]{2})/gi, (_match, hex: string) => {
    return String.fromCharCode(Number.parseInt(hex, 16));
  });
  return Buffer.from(plain, 'latin1');
}

/** RFC 2047 section 2: an encoded word has at most 75 characters. */
const WORD_LIMIT = 75;

/**
 * Encodes a text as UTF-8 encoded words of at most `limit` characters (40 to 75), separated by one space, in whichever of Q and B
 * is shorter.
 */
export function encodeWords(text: string, limit = WORD_LIMIT): string {
  const q = encodeWith(text, { encoding: Q, limit });
  const b = encodeWith(text, { encoding: B, limit });
  return q.length <= b.length ? q : b;
}

interface WordEncoding {
  readonly prefix: string;
  /** What a character adds to the size of a word; all its octets have to be in one word. */
  readonly weight: (char: string) => number;
  /** The size that fills the given number of characters. */
  readonly room: (characters: number) => number;
  readonly encode: (part: string) => string;
}

const Q: WordEncoding = {
  prefix: '=?utf-8?q?',
  weight: (char) => encodeQ(char).length,
  room: (characters) => characters,
  encode: encodeQ,
};
const B: WordEncoding = {
  prefix: '=?utf-8?b?',
  weight: (char) => Buffer.byteLength(char),
  room: (characters) => Math.floor(characters / 4) * 3,
  encode: (part) => Buffer.from(part).toString('base64'),
};

function encodeWith(text: string, how: { encoding: WordEncoding; limit: number }): string {
  const { encoding, limit } = how;
  const room = encoding.room(limit - encoding.prefix.length - '?='.length);
  const words: string[] = [];
  let part = '';
  let size = 0;
  for (const char of text) {
    const weight = encoding.weight(char);
    if (size + weight > room) {
      words.push(part);
      part = '';
      size = 0;
    }
    part += char;
    size += weight;
  }
  words.push(part);
  return words.map((word) => `${encoding.prefix}${encoding.encode(word)}?=`).join(' ');
}

// RFC 2047 section 5 (3): what may stand unencoded in every place where an encoded word may.
function encodeQ(part: string): string {
  let result = '';
  for (const byte of Buffer.from(part)) {
    const char = String.fromCharCode(byte);
    if (/[A-Za-z0-9!*+/-]/.test(char)) result += char;
    else result += char === ' ' ? '_' : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return result;
}
