import { Part } from './part';
import { decodeUtf8 } from './utf8';

const CHUNK: i32 = 64 * 1024;
/** Of a line. More of a file name nobody writes. */
const LINE_LIMIT: i32 = 400;
/** Of names: past them the text is no letter. */
const NAME_LIMIT: i32 = 100;

/** One for all parts: there may be a thousand of them. */
const buffer = new Uint8Array(CHUNK);

/**
 * The names of the files that stand uuencoded in a text, `begin 644 a.exe`, which some readers show as attachments. Reads the
 * whole part, a chunk at a time.
 */
export function uuencodedNames(part: Part): string[] {
  const names: string[] = [];
  let offset = 0;
  let lineStart = true;
  while (names.length < NAME_LIMIT) {
    const length = part.read(offset, buffer);
    const last = length < CHUNK;
    // A line that begins near the end is read whole with the next chunk.
    const until = last ? length : length - LINE_LIMIT;
    let at = 0;
    while (at < until && names.length < NAME_LIMIT) {
      if (lineStart) {
        const name = nameAt(at, length);
        if (name.length > 0) names.push(name);
      }
      while (at < until && buffer[at] != 10) at++;
      lineStart = at < until;
      if (lineStart) at++;
    }
    if (last) return names;
    offset += at;
  }
  return names;
}

/** `begin`, three or four octal digits, a name; '' if the line is another. */
function nameAt(start: i32, length: i32): string {
  if (start + 10 >= length || buffer[start] != 0x62) return '';
  const end = min(length, start + LINE_LIMIT);
  let stop = start;
  while (stop < end && buffer[stop] != 10 && buffer[stop] != 13) stop++;
  const line = decodeUtf8(buffer, start, stop);
  const base64 = line.startsWith('begin-base64 ');
  if (!base64 && !line.startsWith('begin ')) return '';
  let at = base64 ? 13 : 6;
  const digits = at;
  while (at < line.length && line.charCodeAt(at) >= 0x30 && line.charCodeAt(at) <= 0x37) at++;
  if (at - digits < 3 || at - digits > 4 || line.charAt(at) != ' ') return '';
  return line.substring(at + 1).trim();
}
