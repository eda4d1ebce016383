/** Writes DER (X.690), as far as CMS needs it: `der(TAG, …contents)`. */
export const SEQUENCE = 0x30;
export const SET = 0x31;
export const INTEGER = 0x02;
export const OCTET_STRING = 0x04;

export const NULL = Buffer.from([5, 0]);

/** A context-specific tag; constructed unless said otherwise. */
export const context = (number: number, { primitive = false } = {}): number =>
  (primitive ? 0x80 : 0xa0) | number;

export function der(tag: number, ...contents: readonly Uint8Array[]): Buffer<ArrayBuffer> {
  const size = contents.reduce((sum, { length }) => sum + length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthOf(size)]), ...contents]);
}

/** An object identifier. */
export function oid(text: string): Buffer<ArrayBuffer> {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const groups = [arc & 0x7f];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      groups.unshift((left & 0x7f) | 0x80);
    }
    return groups;
  });
  return der(0x06, Buffer.from(octets));
}

export const integer = (value: number): Buffer<ArrayBuffer> => der(INTEGER, Buffer.from([value]));

function lengthOf(size: number): number[] {
  if (size < 0x80) return [size];
  const octets: number[] = [];
  for (let left = size; left > 0; left = Math.floor(left / 256)) octets.unshift(left & 0xff);
  return [0x80 | octets.length, ...octets];
}
