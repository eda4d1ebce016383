import type { HeaderIndex } from '../header-index.ts';

/**
 * The fields that `h=` names, in its order (RFC 6376 section 5.4.2): of a name that is there several times the lowest field first. A name
 * without a field left stands for none: so a field that is added later breaks the signature.
 */
export function signedFields(header: HeaderIndex, names: readonly string[]): string[] {
  const left = new Map<string, number[]>();
  return names.flatMap((name) => {
    const key = name.toLowerCase();
    const indexes = left.get(key) ?? [...header.named(key)];
    left.set(key, indexes);
    const index = indexes.pop();
    return index === undefined ? [] : [rawField(header, index)];
  });
}

/** A field as it stands in the message, one character an octet, with its line end. */
export function rawField(header: HeaderIndex, index: number): string {
  const { start, end } = header.fields[index]!;
  return Buffer.from(header.bytes.buffer, header.bytes.byteOffset, header.bytes.length).toString(
    'latin1',
    start,
    end,
  );
}
