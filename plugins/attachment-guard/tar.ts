import { decodeUtf8 } from '../../sdk/assemblyscript';
import { Octets, readExactly } from './octets';

/** The next file of a tar archive (POSIX.1-2017 pax, "ustar Interchange Format"; GNU's long names). */
export class TarEntry {
  names: string[] = [];
  start: i32 = 0;
  size: i32 = 0;
  /** Offset of what follows; -1 after the last. */
  next: i32 = -1;
  fault: string = '';
}

const BLOCK: i32 = 512;
/** Octets of a long name, or of a pax header. */
const NAME_LIMIT: i32 = 64 * 1024;

/** Whether it begins as an archive does: the sum of its first header is right. */
export function isTar(head: Uint8Array): bool {
  return head.length >= BLOCK && !isEmpty(head) && isHeader(head);
}

/** The file whose headers begin at `at`; null after the last one. */
export function nextInTar(octets: Octets, at: i32): TarEntry | null {
  const entry = new TarEntry();
  for (
    let header = readExactly(octets, at, BLOCK);
    header !== null;
    header = readExactly(octets, at, BLOCK)
  ) {
    if (isEmpty(header)) return null;
    const size = numberAt(header, 124, 12);
    if (!isHeader(header) || size < 0 || size > octets.size - at - BLOCK) {
      entry.fault = 'it is damaged';
      return entry;
    }
    const kind = header[156];
    entry.start = at + BLOCK;
    // A link has a size and nothing after it.
    const length = kind >= 0x31 && kind <= 0x36 ? 0 : <i32>size;
    at = entry.start + ((length + BLOCK - 1) / BLOCK) * BLOCK;
    // 'S' and 'M': parts of a file, laid out in ways of their own.
    if (kind == 0x53 || kind == 0x4d) {
      entry.fault = 'a file in it is not there in one piece';
      return entry;
    }
    // 'L': a long name follows; 'x' and 'g': records of pax, for the next file or for all; 'K' is of no interest.
    if (kind == 0x4c || kind == 0x78 || kind == 0x67) {
      const text = readExactly(octets, entry.start, length > NAME_LIMIT ? -1 : length);
      if (text === null) {
        entry.fault = 'a name in it is too long';
        return entry;
      }
      if (kind == 0x4c) entry.names.push(textAt(text, 0, text.length));
      else readPax(decodeUtf8(text), entry);
      // For all files: where they are named so, some readers go by it and others don't.
      if (kind == 0x67 && entry.names.length > 0) entry.fault = 'a name in it is for several files';
      if (entry.fault.length > 0) return entry;
      continue;
    }
    if (kind == 0x4b) continue;
    const prefix = header[262] == 0 ? textAt(header, 345, 155) : '';
    const name = textAt(header, 0, 100);
    entry.names.push(prefix.length > 0 ? prefix + '/' + name : name);
    entry.size = length;
    entry.next = at;
    return entry;
  }
  // Without the empty block at its end: some writers leave it out.
  if (at >= octets.size) return null;
  entry.fault = 'it is cut off';
  return entry;
}

/**
 * `27 path=dir/name\n`, one a line. A size that takes the place of the header's makes another archive of the same octets, and so do
 * sparse files; no archive in a mail is so large as to need either.
 */
function readPax(records: string, entry: TarEntry): void {
  const lines = records.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const at = lines[i].indexOf(' path=');
    if (at >= 0) entry.names.push(lines[i].substring(at + 6));
    const isOther = lines[i].includes(' size=') || lines[i].includes(' GNU.sparse.');
    if (isOther) entry.fault = 'a file in it has two sizes';
  }
}

/** Its sum, with the field of the sum taken for spaces; some old writers took octets for signed. */
function isHeader(block: Uint8Array): bool {
  let sum = 0;
  let signed = 0;
  for (let i = 0; i < BLOCK; i++) {
    const octet = i >= 148 && i < 156 ? 0x20 : block[i];
    sum += octet;
    signed += <i8>octet;
  }
  const said = numberAt(block, 148, 8);
  return said == sum || said == signed;
}

function isEmpty(block: Uint8Array): bool {
  for (let i = 0; i < BLOCK; i++) {
    if (block[i] != 0) return false;
  }
  return true;
}

/** In octal digits, or in base 256 if the first bit is set; -1 if it is neither, or beyond 2^31. */
function numberAt(block: Uint8Array, at: i32, length: i32): i64 {
  let value: i64 = 0;
  if (block[at] >= 0x80) {
    if (block[at] != 0x80) return -1;
    for (let i = at + 1; i < at + length; i++) {
      value = (value << 8) | block[i];
      if (value > i32.MAX_VALUE) return -1;
    }
    return value;
  }
  let i = at;
  while (i < at + length && block[i] == 0x20) i++;
  for (; i < at + length && block[i] != 0 && block[i] != 0x20; i++) {
    if (block[i] < 0x30 || block[i] > 0x37) return -1;
    value = (value << 3) | (block[i] - 0x30);
    if (value > i32.MAX_VALUE) return -1;
  }
  return value;
}

function textAt(octets: Uint8Array, at: i32, length: i32): string {
  let end = at;
  while (end < at + length && octets[end] != 0) end++;
  return decodeUtf8(octets, at, end);
}
