import { foldCase, isHidden } from '../../sdk/assemblyscript';

/**
 * The names that a file of that name may get: letters and dots of other widths as ASCII has them (`a．ｅｘｅ`), unseen
 * characters gone, cut where Windows sees a stream (`a.exe::$DATA`) or others an end (NUL).
 */
export function aliasesOf(name: string): string[] {
  const found: string[] = [];
  let kept: string[] = [];
  for (let i = 0; i < name.length; i++) {
    const unit = plainUnit(name.charCodeAt(i));
    if (unit == 0x3a || unit == 0) {
      found.push(kept.join(''));
      kept = [];
    } else if (!isHidden(unit)) kept.push(String.fromCharCode(unit));
  }
  found.push(kept.join(''));
  return found;
}

/** Full-width forms, and the dots that are taken for one. */
function plainUnit(unit: i32): i32 {
  if (unit >= 0xff01 && unit <= 0xff5e) return unit - 0xfee0;
  if (unit == 0x3002 || unit == 0xff61 || unit == 0x2024 || unit == 0xfe52) return 0x2e;
  return (unit >= 0x2000 && unit <= 0x200a) || unit == 0x3000 || unit == 0x202f || unit == 0x205f
    ? 0x20
    : unit;
}

/**
 * The extension of a file name in lower case, without its dot, '' if there is none. Windows drops dots and spaces at
 * the end of a name, so `a.exe. ` is an `exe`; what precedes a path separator is no part of the name.
 */
export function extensionOf(name: string): string {
  const clean = trimmed(name);
  const dot = clean.lastIndexOf('.');
  if (dot < 0 || clean.indexOf('/', dot) >= 0 || clean.indexOf('\\', dot) >= 0) return '';
  return foldCase(clean.substring(dot + 1).trim());
}

/** `invoice.pdf.exe`: a short extension before the real one, for readers who don't see the latter. */
export function hasDoubleExtension(name: string): bool {
  const clean = trimmed(name);
  const last = clean.lastIndexOf('.');
  if (last < 1) return false;
  const before = clean.substring(0, last).trimEnd();
  const dot = before.lastIndexOf('.');
  const length = before.length - dot - 1;
  return dot > 0 && length >= 2 && length <= 4 && !before.includes(' ', dot);
}

/** Without the dots, spaces, slashes and unseen characters at its end. */
function trimmed(name: string): string {
  let end = name.length;
  while (end > 0) {
    const unit = name.charCodeAt(end - 1);
    if (unit != 0x2e && unit != 0x20 && unit != 0xa0 && unit != 0x2f && unit != 0x5c && !isHidden(unit))
      break;
    end--;
  }
  return name.substring(0, end);
}
