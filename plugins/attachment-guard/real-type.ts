/** What a file really is, by its first octets. `jar` is a zip archive whose first member is in META-INF. */
export const REAL_TYPES: string[] = [
  'pe',
  'elf',
  'macho',
  'class',
  'script',
  'jar',
  'zip',
  'rar',
  '7z',
  'gz',
  'ole2',
  'pdf',
  'png',
  'jpeg',
  'gif',
];

/** Octets of a part that are looked at. */
export const HEAD_SIZE: i32 = 1024;

/**
 * '' if it is none of them. `isText` says that the part is declared as text: letters that a text may well begin with
 * (`MZ`) need more evidence there.
 */
export function realTypeOf(head: Uint8Array, isText: bool): string {
  if (starts(head, 'MZ') && (!isText || hasNul(head, 64))) return 'pe';
  if (starts(head, '\x7fELF')) return 'elf';
  if (isMacho(head)) return 'macho';
  // Fat Mach-O files begin as class files do; then comes their number of architectures, or a version from 45 on.
  if (starts(head, '\xca\xfe\xba\xbe')) return bigEndian(head, 4) < 45 ? 'macho' : 'class';
  if (starts(head, '#!')) return 'script';
  if (starts(head, 'PK\x03\x04')) return contains(head, 'META-INF/', 30, 31) ? 'jar' : 'zip';
  if (starts(head, 'PK\x05\x06') || starts(head, 'PK\x07\x08')) return 'zip';
  if (starts(head, 'Rar!\x1a\x07')) return 'rar';
  if (starts(head, "7z\xbc\xaf'\x1c")) return '7z';
  if (starts(head, '\x1f\x8b')) return 'gz';
  if (starts(head, '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1')) return 'ole2';
  // Readers of PDF accept it anywhere in the first 1024 octets.
  if (contains(head, '%PDF-', 0, isText ? 1 : HEAD_SIZE)) return 'pdf';
  if (starts(head, '\x89PNG\r\n\x1a\n')) return 'png';
  if (starts(head, '\xff\xd8\xff')) return 'jpeg';
  return starts(head, 'GIF87a') || starts(head, 'GIF89a') ? 'gif' : '';
}

export function isProgram(kind: string): bool {
  return kind == 'pe' || kind == 'elf' || kind == 'macho' || kind == 'class' || kind == 'script';
}

function isMacho(head: Uint8Array): bool {
  return (
    starts(head, '\xfe\xed\xfa\xce') ||
    starts(head, '\xfe\xed\xfa\xcf') ||
    starts(head, '\xce\xfa\xed\xfe') ||
    starts(head, '\xcf\xfa\xed\xfe')
  );
}

/** The magic's characters are octets. */
function starts(head: Uint8Array, magic: string): bool {
  return contains(head, magic, 0, 1);
}

/** Whether the magic begins at an offset from `from` up to, not including, `to`. */
function contains(head: Uint8Array, magic: string, from: i32, to: i32): bool {
  for (let at = from; at < to && at + magic.length <= head.length; at++) {
    let same = 0;
    while (same < magic.length && head[at + same] == magic.charCodeAt(same)) same++;
    if (same == magic.length) return true;
  }
  return false;
}

function hasNul(head: Uint8Array, within: i32): bool {
  return head.subarray(0, min(within, head.length)).includes(0);
}

function bigEndian(head: Uint8Array, at: i32): u32 {
  if (at + 4 > head.length) return 0;
  return ((<u32>head[at]) << 24) | ((<u32>head[at + 1]) << 16) | ((<u32>head[at + 2]) << 8) | head[at + 3];
}
