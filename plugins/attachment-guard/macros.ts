import { Octets, stepBuffer } from './octets';

/** The storage in which Word, Excel and PowerPoint keep macros, as the directory of an OLE2 file has it: UTF-16. */
const MARK: string = '_VBA_PROJECT';

/** Whether an OLE2 file has macros. Reads it once. */
export function hasMacros(octets: Octets): bool {
  const buffer = stepBuffer();
  const size = MARK.length * 2;
  for (let at = 0; at < octets.size; at += buffer.length - size) {
    const length = octets.read(at, buffer);
    for (let i = 0; i + size <= length; i++) {
      let same = 0;
      while (same < size && buffer[i + same] == (same % 2 == 0 ? MARK.charCodeAt(same / 2) : 0)) same++;
      if (same == size) return true;
    }
  }
  return false;
}
