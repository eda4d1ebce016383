import { decodeUtf8 } from '../../sdk/assemblyscript';
import { Octets, readExactly, stepBuffer, u16At, u32At, u64At } from './octets';

/** A file in a ZIP archive, as its directory has it, with every name that some reader may find. */
export class ZipEntry {
  names: string[] = [];
  method: i32 = 0;
  isEncrypted: bool = false;
  packed: i64 = 0;
  unpacked: i64 = 0;
  /** Of the local header. */
  offset: i64 = 0;
  /** Of its content. */
  start: i32 = 0;
  hasDescriptor: bool = false;
}

/**
 * The files of an archive in the order in which they lie there (APPNOTE.TXT 6.3.10). Readers go by the directory at the end or by the
 * local headers before each file; where the two disagree, or leave something between them that only one finds, `fault` says so: such an
 * archive is another to each of them.
 */
export class ZipDirectory {
  entries: ZipEntry[] = [];
  /** Why what it holds can't be told for sure; '' if it can. */
  fault: string = '';
  /** Whether it has the record that ends an archive. */
  isArchive: bool = false;
  /** Whether that record ends right where the file does. */
  endsIt: bool = false;
}

const END: u32 = 0x06054b50;
const END64: u32 = 0x06064b50;
const LOCATOR64: u32 = 0x07064b50;
const ENTRY: u32 = 0x02014b50;
const LOCAL: u32 = 0x04034b50;
const END_SIZE: i32 = 22;
const COMMENT: i32 = 65535;
/** Octets of a directory. */
const DIRECTORY: i32 = 4 * 1024 * 1024;

/** `limit`: entries. */
export function readZip(octets: Octets, limit: i32): ZipDirectory {
  const found = new ZipDirectory();
  found.fault = fill(octets, limit, found);
  return found;
}

function fill(octets: Octets, limit: i32, found: ZipDirectory): string {
  const tailSize = min(octets.size, END_SIZE + COMMENT + 20);
  const tail = stepBuffer().subarray(0, tailSize);
  if (octets.read(octets.size - tailSize, tail) != tailSize) return 'it cannot be read';
  const end = endIn(tail);
  found.isArchive = end != -1;
  found.endsIt = end >= 0;
  if (end < 0) return end == -1 ? 'its directory is missing' : 'it has several directories';
  let count = <i64>u16At(tail, end + 10);
  let size = u32At(tail, end + 12);
  let start = u32At(tail, end + 16);
  let ends = <i64>(octets.size - tailSize + end);
  const has64 = end >= 20 && <u32>u32At(tail, end - 20) == LOCATOR64;
  if (u16At(tail, end + 4) != 0 || u16At(tail, end + 6) != 0) return 'it lies in several files';
  if (has64) {
    const at = u64At(tail, end - 12);
    const record = readExactly(octets, place(at), 56);
    if (record === null || <u32>u32At(record, 0) != END64) return 'its directory is missing';
    const wide: i64[] = [u64At(record, 32), u64At(record, 40), u64At(record, 48)];
    const isSame =
      (count == 0xffff || count == wide[0]) &&
      (size == 0xffffffff || size == wide[1]) &&
      (start == 0xffffffff || start == wide[2]);
    if (!isSame) return 'it has two directories that differ';
    count = wide[0];
    size = wide[1];
    start = wide[2];
    ends = at;
  }
  if (count < 0 || size < 0 || size > ends) return 'its directory is damaged';
  if (count > limit || size > DIRECTORY) return 'it has more files than can be looked at';
  // It ends where the record begins; `start` says otherwise if something was put before the archive.
  const directory = readExactly(octets, <i32>(ends - size), <i32>size);
  if (directory === null) return 'its directory is missing';
  const fault = readEntries(directory, count, found.entries);
  if (fault.length > 0) return fault;
  if (start + size != ends) return 'something lies before it or before its directory';
  found.entries.sort((a, b) => (a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0));
  return matchLocals(octets, <i32>start, found.entries);
}

/** The offset of the end record; -1 if there is none, -2 if there could be another. */
function endIn(tail: Uint8Array): i32 {
  let found = -1;
  for (let at = tail.length - END_SIZE; at >= 0; at--) {
    if (tail[at] != 0x50 || <u32>u32At(tail, at) != END) continue;
    if (at + END_SIZE + u16At(tail, at + 20) == tail.length) return found == -1 ? at : -2;
    found = at;
  }
  return found == -1 ? -1 : -2;
}

function readEntries(directory: Uint8Array, count: i64, entries: ZipEntry[]): string {
  let at = 0;
  for (let i: i64 = 0; i < count; i++) {
    if (at + 46 > directory.length || <u32>u32At(directory, at) != ENTRY) return 'its directory is damaged';
    const flags = u16At(directory, at + 8);
    const nameEnd = at + 46 + u16At(directory, at + 28);
    const extraEnd = nameEnd + u16At(directory, at + 30);
    const end = extraEnd + u16At(directory, at + 32);
    if (end > directory.length) return 'its directory is damaged';
    if ((flags & 0x2000) != 0) return 'its directory is encrypted';
    const entry = new ZipEntry();
    entry.method = u16At(directory, at + 10);
    entry.isEncrypted = (flags & 1) != 0 || entry.method == 99;
    entry.hasDescriptor = (flags & 8) != 0;
    entry.packed = u32At(directory, at + 20);
    entry.unpacked = u32At(directory, at + 24);
    entry.offset = u32At(directory, at + 42);
    addName(entry, directory.subarray(at + 46, nameEnd), flags);
    const extra = directory.subarray(nameEnd, extraEnd);
    addUnicodeName(entry, extra);
    if (!widen(entry, extra)) return 'its directory is damaged';
    entries.push(entry);
    at = end;
  }
  return at == directory.length ? '' : 'its directory has more in it than it says';
}

/** Whether each local header says what the directory says, and nothing lies between the files. */
function matchLocals(octets: Octets, directoryStart: i32, entries: ZipEntry[]): string {
  let expected: i64 = 0;
  let hadDescriptor = false;
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i];
    if (!isGap(entry.offset - expected, hadDescriptor)) return 'something lies between its files';
    const header = readExactly(octets, place(entry.offset), 30);
    if (header === null || <u32>u32At(header, 0) != LOCAL) return 'a file in it is missing';
    const nameSize = u16At(header, 26);
    const extraSize = u16At(header, 28);
    const more = readExactly(octets, <i32>entry.offset + 30, nameSize + extraSize);
    if (more === null) return 'a file in it is missing';
    const local = new ZipEntry();
    addName(local, more.subarray(0, nameSize), u16At(header, 6));
    addUnicodeName(local, more.subarray(nameSize));
    local.method = u16At(header, 8);
    local.packed = u32At(header, 18);
    local.unpacked = u32At(header, 22);
    if (!widen(local, more.subarray(nameSize))) return 'a header in it is damaged';
    for (let j = 0; j < local.names.length; j++) {
      if (entry.names.includes(local.names[j])) continue;
      entry.names.push(local.names[j]);
      if (j == 0) return 'a file in it has two names, ' + entry.names[0] + ' and ' + local.names[0];
    }
    const hasSizes = !entry.hasDescriptor || local.packed != 0;
    const isSame = !hasSizes || (local.packed == entry.packed && local.unpacked == entry.unpacked);
    const isEncrypted = (u16At(header, 6) & 1) != 0;
    if (local.method != entry.method || !isSame || (isEncrypted && !entry.isEncrypted)) {
      return 'two headers of a file in it differ';
    }
    expected = entry.offset + 30 + nameSize + extraSize;
    entry.start = <i32>expected;
    expected += entry.packed;
    if (entry.packed < 0 || expected > directoryStart) return 'a file in it is cut off';
    hadDescriptor = entry.hasDescriptor;
  }
  return isGap(directoryStart - expected, hadDescriptor) ? '' : 'something lies between its files';
}

/** After a file there may be a data descriptor: with or without its mark, of 32 or 64 bits. */
function isGap(octets: i64, hadDescriptor: bool): bool {
  return octets == 0 || (hadDescriptor && (octets == 12 || octets == 16 || octets == 20 || octets == 24));
}

function addName(entry: ZipEntry, octets: Uint8Array, flags: i32): void {
  entry.names.push((flags & 0x800) != 0 ? decodeUtf8(octets) : decodeCp437(octets));
}

/** Info-ZIP's Unicode Path, which some readers prefer. */
function addUnicodeName(entry: ZipEntry, extra: Uint8Array): void {
  const field = fieldIn(extra, 0x7075);
  if (field === null || field.length < 6) return;
  const name = decodeUtf8(field, 5);
  if (!entry.names.includes(name)) entry.names.push(name);
}

/** ZIP64: what does not fit into 32 bits stands in a field of its own, in this order. */
function widen(entry: ZipEntry, extra: Uint8Array): bool {
  const isWide = entry.unpacked == 0xffffffff || entry.packed == 0xffffffff || entry.offset == 0xffffffff;
  if (!isWide) return true;
  const field = fieldIn(extra, 1);
  if (field === null) return false;
  let at = 0;
  const wide = new StaticArray<i64>(3);
  const is: bool[] = [entry.unpacked == 0xffffffff, entry.packed == 0xffffffff, entry.offset == 0xffffffff];
  for (let i = 0; i < 3; i++) {
    if (!is[i]) continue;
    if (at + 8 > field.length) return false;
    wide[i] = u64At(field, at);
    if (wide[i] < 0) return false;
    at += 8;
  }
  if (is[0]) entry.unpacked = wide[0];
  if (is[1]) entry.packed = wide[1];
  if (is[2]) entry.offset = wide[2];
  return true;
}

function fieldIn(extra: Uint8Array, id: i32): Uint8Array | null {
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + u16At(extra, at + 2);
    if (end > extra.length) return null;
    if (u16At(extra, at) == id) return extra.subarray(at + 4, end);
    at = end;
  }
  return null;
}

const CP437: string =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

/** What a name is in where the archive does not say UTF-8. */
function decodeCp437(octets: Uint8Array): string {
  const kept: string[] = [];
  for (let i = 0; i < octets.length; i++) {
    kept.push(octets[i] < 0x80 ? String.fromCharCode(octets[i]) : CP437.charAt(octets[i] - 0x80));
  }
  return kept.join('');
}

/** An offset as one in these octets; what is beyond them is nowhere. */
function place(offset: i64): i32 {
  return offset > i32.MAX_VALUE ? -1 : <i32>offset;
}
